//! Support of the store's tests: a store with a manual clock and an event recorder, and helpers.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicI64, Ordering},
};

use engine::{
    Clock, DurableEvent, Listener,
    store::{
        Claim, Claimable, Claimed, Fence, Finish, LogAppend, NewJob, Node, Outcome, SaveCheckpoint, Store, WorkerId,
    },
};
use model::{Failure, JobId, Level, LogLine, Micros, Progress, ProgressEvent};

pub(crate) const HOUR: i64 = 3_600_000_000;

/// A store with its clock and its event recorder.
pub(crate) struct TestStore {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) recorder: Arc<EventRecorder>,
    /// Deleted at the end of the test.
    pub(crate) folder: tempfile::TempDir,
}

/// A clock that moves only with `advance`.
pub(crate) struct ManualClock(AtomicI64);

impl ManualClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(500_000 * HOUR)))
    }

    pub(crate) fn advance(&self, micros: i64) {
        self.0.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Micros {
        Micros(self.0.load(Ordering::SeqCst))
    }
}

/// Records all events.
#[derive(Default)]
pub(crate) struct EventRecorder(Mutex<Vec<Arc<DurableEvent>>>, Mutex<Vec<Arc<ProgressEvent>>>);

impl EventRecorder {
    pub(crate) fn events(&self) -> Vec<Arc<DurableEvent>> {
        self.0.lock().expect("no test panics while it listens").clone()
    }

    #[allow(dead_code, reason = "not every suite has several processes")]
    pub(crate) fn progress(&self) -> Vec<Arc<ProgressEvent>> {
        self.1.lock().expect("no test panics while it listens").clone()
    }
}

impl Listener for EventRecorder {
    fn durable(&self, events: &[Arc<DurableEvent>]) {
        self.0.lock().expect("no test panics while it listens").extend_from_slice(events);
    }

    fn progress(&self, events: &[Arc<ProgressEvent>]) {
        self.1.lock().expect("no test panics while it listens").extend_from_slice(events);
    }
}

pub(crate) fn worker(name: char) -> WorkerId {
    WorkerId(name.to_string().repeat(32))
}

pub(crate) fn node(name: char) -> Node {
    Node::worker(worker(name))
}

pub(crate) fn new_job(kind: &str) -> NewJob {
    NewJob {
        title: format!("Try {kind}"),
        input: r#"{"text":"a \"quoted\" ünïcode"}"#.to_owned(),
        by: "ann".into(),
        ..NewJob::of(kind)
    }
}

pub(crate) fn claim(slots: u32, kinds: &[&str]) -> Claim {
    let kinds = kinds.iter().map(|kind| Claimable::of(kind)).collect();
    Claim { worker: worker('a'), slots, kinds, waits: None }
}

pub(crate) fn claimable(kind: &str, queue: &str, limit: Option<u32>) -> Claimable {
    Claimable { kind: kind.to_owned(), queue: queue.to_owned(), limit }
}

/// Registers the workers `a` to `z`.
pub(crate) async fn enter(store: &dyn Store) {
    for name in 'a'..='z' {
        store.register(node(name)).await.expect("entered");
    }
}

/// Kills the worker `a` and registers it again. Returns the jobs that it held.
pub(crate) async fn kill_worker(store: &dyn Store) -> Vec<JobId> {
    let settled = store.settle(&[worker('a')]).await.expect("settled");
    store.register(node('a')).await.expect("entered");
    settled
}

/// Starts and claims a job of `kind`; no older job may wait.
pub(crate) async fn running(store: &dyn Store, kind: &str) -> Claimed {
    store.enqueue(new_job(kind)).await.expect("it is accepted");
    claim_one(store, kind).await
}

pub(crate) async fn claim_one(store: &dyn Store, kind: &str) -> Claimed {
    store.claim(claim(1, &[kind])).await.expect("it is claimed").pop().expect("something waits")
}

pub(crate) fn finish(fence: &Fence, outcome: Outcome) -> Finish {
    Finish {
        fence: fence.clone(),
        outcome,
        progress: Progress::default(),
        stage_seconds: Vec::new(),
        curve: None,
        log: None,
        artifacts: Vec::new(),
        checkpointed: false,
        reported: None,
    }
}

pub(crate) fn checkpoint(fence: &Fence, data: &str, warnings: u64) -> SaveCheckpoint {
    SaveCheckpoint { fence: fence.clone(), data: data.to_owned(), warnings }
}

pub(crate) fn succeeded() -> Outcome {
    Outcome::Succeeded { output: r#"{"files":3}"#.to_owned() }
}

pub(crate) fn failed() -> Outcome {
    let failure = Failure { code: "io".to_owned(), message: "the disk is gone".to_owned() };
    Outcome::Failed { failure, trace: "caused by\nnothing".to_owned() }
}

/// Returns a failed job.
pub(crate) async fn failed_job(store: &dyn Store, kind: &str) -> JobId {
    let claimed = running(store, kind).await;
    store.finish(finish(&claimed.fence, failed())).await.expect("it is finished").job
}

pub(crate) fn lines(fence: &Fence, first_line: u64, texts: &[&str]) -> LogAppend {
    let line = |text: &&str| LogLine::plain(Micros(7), Level::Info, *text);
    LogAppend { fence: fence.clone(), first_line, lines: texts.iter().map(line).collect(), ack: None }
}

pub(crate) fn progress(rev: u64, value: u64) -> Progress {
    Progress { rev, value, max: Some(100), unit: "rows".to_owned(), fraction: Some(0.1), ..Progress::default() }
}
