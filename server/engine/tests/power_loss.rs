//! Power loss: everything is synced to disk before it is acknowledged, so that it survives a power failure and not only
//! the death of the process, which the kill loop tests.
//!
//! The test runs this program again under `strace`, which records all writes, syncs and acknowledgements in kernel
//! order.

use std::{
    collections::BTreeSet,
    env, fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

use engine::{
    Ctx, Engine, Kind, StartOptions, Task, TaskError,
    store::{
        Claim, Claimable, ControlChange, Finish, NewJob, Node, Outcome, SaveCheckpoint, SqliteOptions, SqliteStore,
        Store, WorkerId,
    },
};
use model::{ControlTarget, JobState, Micros, Progress, Seq};
use rusqlite::Connection;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

/// Environment variable with the data directory of the traced program.
const DATA: &str = "MILEPOST_POWER_LOSS";
/// Jobs started in the truncated write-ahead log, and number of cuts.
const STARTS: u32 = 60;
const CUTS: usize = 40;
/// Prefix of an acknowledgement line.
const MARK: &str = "acknowledged: ";

/// Prints that a call has returned.
fn acknowledge(what: &str) {
    std::io::stderr().lock().write_all(format!("{MARK}{what}\n").as_bytes()).expect("stderr is open");
}

/// Returns the data directory, if this is the traced program.
fn watched() -> Option<PathBuf> {
    env::var_os(DATA).map(PathBuf::from)
}

/// Runs `program`, a test of this file, under `strace`. Returns the lines of the trace; `None` if `strace` is not
/// installed.
fn trace(program: &str, data: &Path) -> Option<Vec<String>> {
    let seen = data.join("trace");
    let mut command = Command::new("strace");
    command.args(["-f", "-y", "-s", "80", "-e", "trace=write,pwrite64,fsync,fdatasync,ftruncate", "-o"]).arg(&seen);
    command.arg(env::current_exe().expect("this program"));
    command.args([program, "--exact", "--ignored", "--nocapture"]).env(DATA, data);
    let Ok(run) = command.stdin(Stdio::null()).output() else {
        // Skips the part of the test runner.
        let skipped = b"SKIPPED: strace is not installed\n";
        std::io::stderr().lock().write_all(skipped).expect("stderr is open");
        return None;
    };
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let seen = fs::read_to_string(seen).expect("strace has written it");
    Some(seen.lines().map(str::to_owned).collect())
}

/// Parses a line of the trace, for the file whose path ends with `name`.
#[derive(Debug, PartialEq, Eq)]
enum Deed {
    Written,
    Synced,
    Acknowledged(String),
}

/// Operations in order. `strace` splits a call that another thread interrupts into two lines: a write counts from its
/// start, a sync from its end.
fn deeds<'a>(trace: &'a [String], name: &'a str) -> impl Iterator<Item = Deed> + 'a {
    let file = format!("{name}>");
    let mut syncing: Vec<&str> = Vec::new();
    trace.iter().filter_map(move |line| {
        let (thread, call) = line.split_once(' ')?;
        let call = call.trim_start();
        if let Some((_, said)) = call.split_once(MARK) {
            return Some(Deed::Acknowledged(said.split("\\n").next().unwrap_or_default().to_owned()));
        }
        let syncs = |call: &str| call.starts_with("fsync") || call.starts_with("fdatasync");
        if let Some(resumed) = call.strip_prefix("<... ") {
            let ours = syncing.iter().position(|waiting| *waiting == thread).filter(|_| syncs(resumed))?;
            syncing.swap_remove(ours);
            return resumed.ends_with("= 0").then_some(Deed::Synced);
        }
        if !call.contains(&file) {
            return None;
        }
        if !syncs(call) {
            return Some(Deed::Written);
        }
        if call.ends_with("<unfinished ...>") {
            syncing.push(thread);
            return None;
        }
        call.ends_with("= 0").then_some(Deed::Synced)
    })
}

#[test]
fn store_syncs_before_it_acknowledges() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let Some(trace) = trace("traced_store_commands", data.path()) else { return };
    let (mut dirty, mut written, mut acknowledged) = (false, false, Vec::new());
    for deed in deeds(&trace, "milepost.db-wal") {
        match deed {
            Deed::Written => (dirty, written) = (true, true),
            Deed::Synced => dirty = false,
            Deed::Acknowledged(what) => {
                assert!(written, "{what} was acknowledged, and nothing was written for it");
                assert!(!dirty, "{what} was acknowledged before the disk had it");
                acknowledged.push(what);
                written = false;
            }
        }
    }
    assert_eq!(acknowledged, VERBS);
}

/// The commands that the traced program acknowledges, in order. Each of them writes.
const VERBS: [&str; 18] = [
    "start",
    "start",
    "registration",
    "claim",
    "progress",
    "checkpoint",
    "cancel request",
    "end",
    "retry",
    "cancel",
    "delete",
    "upload",
    "pause",
    "resume",
    "pause of a queue",
    "claim",
    "successful end",
    "death",
];

#[tokio::test]
#[ignore = "the program that another test watches"]
async fn traced_store_commands() {
    let Some(data) = watched() else { return };
    let store = SqliteStore::open(SqliteOptions::new(data.join("milepost.db"))).await.expect("it opens");
    let mut verbs = VERBS.into_iter();
    let mut done = || acknowledge(verbs.next().expect("one acknowledgement per command"));
    store.enqueue(NewJob::of("a")).await.expect("accepted");
    done();
    let second = store.enqueue(NewJob::of("a")).await.expect("accepted");
    done();
    let worker = WorkerId("a".repeat(32));
    store.register(Node::worker(worker.clone())).await.expect("entered");
    done();
    let claim = Claim { worker, slots: 1, kinds: [Claimable::of("a")].into(), waits: None };
    let fence = store.claim(claim).await.expect("claimed").remove(0).fence;
    done();
    store.save_progress(vec![(fence.clone(), Progress { value: 1, rev: 1, ..Progress::default() })]);
    store.flush().await.expect("written");
    done();
    let data = "1".to_owned();
    store.save_checkpoint(SaveCheckpoint { fence: fence.clone(), data, warnings: 0 }).await.expect("kept");
    done();
    store.request_cancel(fence.job, &"ann".into()).await.expect("asked");
    done();
    let finish = Finish {
        fence: fence.clone(),
        outcome: Outcome::Cancelled { failure: None, trace: String::new() },
        progress: Progress::default(),
        stage_seconds: Vec::new(),
        curve: None,
        log: None,
        artifacts: Vec::new(),
        checkpointed: true,
        reported: None,
    };
    store.finish(finish.clone()).await.expect("ended");
    done();
    store.retry(fence.job, &"ann".into()).await.expect("retried");
    done();
    store.request_cancel(fence.job, &"ann".into()).await.expect("cancelled");
    done();
    store.delete(fence.job, &"ann".into()).await.expect("deleted");
    done();
    let upload =
        engine::store::UploadRow { id: "u".to_owned(), name: "u".to_owned(), size: 1, at: Micros(1), by: None };
    store
        .save_upload(upload, &engine::store::Attribution::default(), engine::store::UploadQuota::default())
        .await
        .expect("kept");
    done();
    store.pause(second, &"ann".into()).await.expect("paused");
    done();
    store.resume(second, &"ann".into()).await.expect("resumed");
    done();
    store.change_control(ControlTarget::Queue, "disk", ControlChange::Pause, &"ann".into()).await.expect("paused");
    done();
    let claim = Claim { worker: fence.worker.clone(), slots: 1, kinds: [Claimable::of("a")].into(), waits: None };
    let fence = store.claim(claim).await.expect("claimed").remove(0).fence;
    done();
    let outcome = Outcome::Succeeded { output: "1".to_owned() };
    store.finish(Finish { fence: fence.clone(), outcome, ..finish }).await.expect("ended");
    done();
    store.settle(&[fence.worker]).await.expect("settled");
    done();
}

/// Any part of an unacknowledged write may have reached the disk.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn truncated_wal_is_the_state_after_some_commit() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("milepost.db");
    let store = SqliteStore::open(SqliteOptions::new(&path)).await.expect("it opens");
    let other = Connection::open(&path).expect("it opens");
    // Moves everything so far into the database file; later writes are in the write-ahead log only.
    other.query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(())).expect("no other connection is open");
    for _ in 0..STARTS {
        store.enqueue(NewJob::of("a")).await.expect("accepted");
    }
    let file = fs::read(&path).expect("it is there");
    let log = fs::read(path.with_extension("db-wal")).expect("it is there");
    let mut seen = BTreeSet::new();
    for cut in (0..=CUTS).map(|cut| log.len() * cut / CUTS) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("milepost.db");
        fs::write(&path, &file).expect("there is room");
        // The rest is preallocated by the file system and never written.
        let torn: Vec<u8> = log[..cut].iter().copied().chain(std::iter::repeat_n(0, log.len() - cut)).collect();
        fs::write(path.with_extension("db-wal"), torn).expect("there is room");
        let store = SqliteStore::open(SqliteOptions::new(&path)).await.expect("it opens");
        let (jobs, position) = (store.counts().await.expect("read").queued, store.position().await.expect("read"));
        assert_eq!(position.seq.0 as u64, jobs, "jobs and events are of one moment");
        let events = store.events_after(Seq(0), STARTS).await.expect("read").expect("all are kept");
        let numbers = events.iter().map(|event| event.job.map(|job| job.0 as u64));
        assert!(numbers.eq((1..=jobs).map(Some)), "it is the past, without a hole");
        let sound = Connection::open(&path).expect("it opens");
        let sound: String = sound.query_row("pragma integrity_check", [], |row| row.get(0)).expect("it can be read");
        assert_eq!(sound, "ok");
        seen.insert(jobs);
    }
    assert_eq!(seen.first().copied().zip(seen.last().copied()), Some((0, STARTS.into())), "from none to all");
    assert!(seen.len() > CUTS / 2, "and much in between: {seen:?}");
}

/// Writes an artifact.
struct WriteNumbers;

#[derive(Deserialize, JsonSchema)]
struct Input {}

impl Task for WriteNumbers {
    const KIND: Kind = Kind::new("write");
    const NAME: &'static str = "Write";
    const ABOUT: &'static str = "Writes an artifact.";
    type Input = Input;
    type Output = ();

    fn title(_: &Input) -> String {
        "Write".to_owned()
    }

    async fn run(&self, _: Input, ctx: &Ctx) -> Result<(), TaskError> {
        let mut file = ctx.artifact("numbers.bin").await?;
        for _ in 0..20 {
            file.write_all(&[7; 10_000]).await?;
        }
        file.finish().await?;
        Ok(())
    }
}

#[test]
fn artifact_is_synced_before_its_job_succeeds() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let Some(trace) = trace("traced_job_with_artifact", data.path()) else { return };
    let (mut dirty, mut written) = (false, false);
    for deed in deeds(&trace, "numbers.bin") {
        match deed {
            Deed::Written => (dirty, written) = (true, true),
            Deed::Synced => dirty = false,
            Deed::Acknowledged(_) => {
                assert!(written, "the artifact was written");
                assert!(!dirty, "the job has succeeded before the disk had its artifact");
                return;
            }
        }
    }
    panic!("the job has not succeeded");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the program that another test watches"]
async fn traced_job_with_artifact() {
    let Some(data) = watched() else { return };
    let engine = Engine::builder(data).register(WriteNumbers).open().await.expect("it opens");
    let job = engine.start("write", json!({}), StartOptions::default()).await.expect("it fits");
    let store = Arc::clone(engine.store());
    while store.job(job).await.expect("kept").state != JobState::Succeeded {
        tokio::task::yield_now().await;
    }
    acknowledge("the end");
}
