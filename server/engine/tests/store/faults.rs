//! Faults of the SQLite store: full disk, locks, damage, failing statements.

use std::{
    fs,
    io::{Seek, SeekFrom, Write},
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use engine::{
    Error,
    store::{LogQuery, NewJob, SqliteOptions, SqliteStore, Store},
};
use model::{JobState, Seq};
use sqlx::{Connection, SqliteConnection};

use tokio::task::JoinSet;
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};

use super::{
    open, open_limited,
    support::{HOUR, TestStore, checkpoint, claim, finish, lines, new_job, progress, running, succeeded},
};

/// Opens a separate connection to the store's file.
async fn peek(test: &TestStore) -> SqliteConnection {
    let url = format!("sqlite://{}", test.folder.path().join("milepost.db").display());
    SqliteConnection::connect(&url).await.expect("it opens")
}

async fn number(connection: &mut SqliteConnection, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(connection).await.expect("it is answered")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failed_command_does_not_fail_its_batch() {
    let test = open().await;
    let fence = running(&*test.store, "a").await.fence;
    let mut calls = JoinSet::new();
    for n in 0..200_u32 {
        let (store, fence) = (Arc::clone(&test.store), fence.clone());
        calls.spawn(async move {
            match n % 4 {
                0 => matches!(store.retry(fence.job, &"ann".into()).await, Err(Error::Conflict { .. })),
                1 => {
                    let stale = engine::store::Fence { attempt: 7, ..fence };
                    matches!(store.finish(finish(&stale, succeeded())).await, Err(Error::Fenced))
                }
                2 => {
                    let job = NewJob { uploads: vec!["none".to_owned()], ..new_job("b") };
                    matches!(store.enqueue(job).await, Err(Error::NoSuchUpload(_)))
                }
                _ => store.enqueue(new_job("b")).await.is_ok(),
            }
        });
    }
    assert!(calls.join_all().await.into_iter().all(|as_expected| as_expected));
    assert_eq!(test.store.counts().await.expect("read").queued, 50);
    test.store.finish(finish(&fence, succeeded())).await.expect("the job is as it was");
}

/// Opens a connection to the store's file after a checkpoint of its log.
fn beside(test: &TestStore) -> rusqlite::Connection {
    let other = rusqlite::Connection::open(test.folder.path().join("milepost.db")).expect("it opens");
    other.query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(())).expect("no other connection is open");
    other
}

/// Marks the file in its header as written by a newer SQLite, and makes all connections read that.
fn require_newer_program(test: &TestStore, other: &rusqlite::Connection) {
    let path = test.folder.path().join("milepost.db");
    let mut file = fs::File::options().write(true).open(path).expect("it is there");
    file.seek(SeekFrom::Start(18)).and_then(|_| file.write_all(&[3])).expect("it is written");
    other.execute_batch("update ledger set seq = seq").expect("it keeps the old header in memory");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn read_only_database_error_names_the_file() {
    let test = open().await;
    let other = beside(&test);
    require_newer_program(&test, &other);
    let refused = test.store.enqueue(new_job("a")).await;
    assert!(matches!(refused, Err(Error::ReadOnly)), "{refused:?}");
    test.store.counts().await.expect("it can be read");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn removed_database_or_wal_rejects_writes() {
    for file in ["milepost.db", "milepost.db-wal"] {
        let test = open().await;
        let job = test.store.enqueue(new_job("a")).await.expect("accepted");
        fs::remove_file(test.folder.path().join(file)).expect("it is there");
        let refused = test.store.enqueue(new_job("a")).await;
        assert!(matches!(refused, Err(Error::Gone)), "{file}: {refused:?}");
        test.store.job(job).await.expect("it can still be read");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damaged_database_error_names_file_and_backup() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, backups) = (folder.path().join("milepost.db"), folder.path().join("backups"));
    fs::write(&path, "this is no database at all, however often it is read".repeat(100)).expect("written");
    let said = async || match SqliteStore::open(SqliteOptions::new(&path)).await.map(drop) {
        Err(Error::Damaged(said)) => said,
        other => panic!("{other:?}"),
    };
    let without = said().await;
    assert!(without.contains(path.to_str().expect("UTF-8")) && without.contains("there is none in"), "{without}");
    fs::create_dir(&backups).expect("made");
    let (old, new) = (backups.join("b.db"), backups.join("a.db"));
    for (file, at) in [(&old, 1_000), (&new, 2_000)] {
        let made = fs::File::create(file).expect("made");
        made.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(at)).expect("dated");
    }
    let with = said().await;
    assert!(with.contains(&format!("the newest is {}", new.display())), "{with}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rejected_statement_does_not_fail_its_batch() {
    let test = open().await;
    // Artifact names are unique within an attempt; a violation fails only that call.
    let (bad, good) = (running(&*test.store, "a").await.fence, running(&*test.store, "a").await.fence);
    let artifact = engine::store::Artifact { name: "x".to_owned(), attempt: 1, size: 1, at: model::Micros(1) };
    let mut wrong = finish(&bad, succeeded());
    wrong.artifacts = vec![artifact.clone(), artifact];
    test.store.append_logs(vec![lines(&good, 1, &["one"])]);
    let (wrong, right, accepted) = tokio::join!(
        test.store.finish(wrong),
        test.store.finish(finish(&good, succeeded())),
        test.store.enqueue(new_job("b")),
    );
    assert!(matches!(wrong, Err(Error::Database(_))));
    assert_eq!(right.expect("finished").state, JobState::Succeeded);
    accepted.expect("accepted");
    assert_eq!(test.store.job(bad.job).await.expect("found").state, JobState::Running);
    let log = test.store.log(good.job, &LogQuery { limit: 9, ..LogQuery::default() }).await.expect("read");
    assert_eq!(log.lines.len(), 1, "what was said before the end is kept");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_precedes_checkpoint_in_a_failing_batch() {
    let test = open().await;
    let (bad, good) = (running(&*test.store, "a").await.fence, running(&*test.store, "a").await.fence);
    let artifact = engine::store::Artifact { name: "x".to_owned(), attempt: 1, size: 1, at: model::Micros(1) };
    for line in 1..=20 {
        let mut wrong = finish(&bad, succeeded());
        wrong.artifacts = vec![artifact.clone(), artifact.clone()];
        test.store.append_logs(vec![lines(&good, line, &["one"])]);
        let save = test.store.save_checkpoint(checkpoint(&good, "1", 0));
        let (wrong, saved) = tokio::join!(test.store.finish(wrong), save);
        assert!(matches!(wrong, Err(Error::Database(_))));
        saved.expect("kept");
        let log = test.store.log(good.job, &LogQuery { limit: 1, ..LogQuery::default() }).await.expect("read");
        assert_eq!(log.total, line);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn full_disk_is_reported_and_loses_nothing() {
    let test = open_limited(Some(120)).await;
    let fence = running(&*test.store, "a").await.fence;
    let big = || NewJob { input: format!("\"{}\"", "x".repeat(50_000)), ..new_job("b") };
    let mut accepted = Vec::new();
    let refused = loop {
        match test.store.enqueue(big()).await {
            Ok(job) => accepted.push(job),
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, Error::Full), "{refused}");
    assert!(!accepted.is_empty());
    test.store.save_progress(vec![(fence.clone(), progress(3, 30))]);
    test.store.append_logs(vec![lines(&fence, 1, &[&"y".repeat(100_000)])]);
    assert!(matches!(test.store.flush().await, Err(Error::Full)), "a flush promises what it says");
    for job in &accepted {
        assert_eq!(test.store.job(*job).await.expect("still there").state, JobState::Queued);
    }
    // With free space again, waiting calls are written and new jobs accepted.
    let mut connection = peek(&test).await;
    sqlx::query("delete from job_input where length(input) > 1000").execute(&mut connection).await.expect("deleted");
    test.store.flush().await.expect("it works again");
    assert_eq!(test.store.job(fence.job).await.expect("found").progress, progress(3, 30));
    let log = test.store.log(fence.job, &LogQuery { limit: 9, ..LogQuery::default() }).await.expect("read");
    assert_eq!(log.lines.len(), 1);
    test.store.finish(finish(&fence, succeeded())).await.expect("finished");
    let seqs: Vec<i64> = test.recorder.events().iter().map(|event| event.seq.0).collect();
    assert_eq!(seqs, (1..=seqs.len() as i64).collect::<Vec<_>>(), "rolled back events are never published");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn locked_database_acknowledges_and_loses_nothing() {
    let test = open().await;
    let fence = running(&*test.store, "a").await.fence;
    let before = test.store.position().await.expect("read");
    let mut other = peek(&test).await;
    sqlx::query("begin immediate").execute(&mut other).await.expect("it is free");
    test.store.append_logs(vec![lines(&fence, 1, &["one"])]);
    test.store.save_progress(vec![(fence.clone(), progress(3, 30))]);
    let mut calls = JoinSet::new();
    for _ in 0..40 {
        let store = Arc::clone(&test.store);
        calls.spawn(async move { store.enqueue(new_job("b")).await });
    }
    // Each transaction waits 5 s. If each call did so separately, the last would take minutes.
    let answers = tokio::time::timeout(Duration::from_mins(1), calls.join_all()).await.expect("they wait together");
    assert!(answers.iter().all(|answer| matches!(answer, Err(Error::Busy))), "{answers:?}");
    let ended = test.store.finish(finish(&fence, succeeded())).await;
    assert!(matches!(ended, Err(Error::Busy)), "{ended:?}");
    assert_eq!(test.store.position().await.expect("what there is can be read"), before);

    sqlx::query("rollback").execute(&mut other).await.expect("it is released");
    test.store.flush().await.expect("it works again");
    assert_eq!(test.store.job(fence.job).await.expect("found").progress, progress(3, 30));
    test.store.finish(finish(&fence, succeeded())).await.expect("finished");
    test.store.enqueue(new_job("b")).await.expect("accepted");
    let log = test.store.log(fence.job, &LogQuery { limit: 9, ..LogQuery::default() }).await.expect("read");
    assert_eq!(log.lines.len(), 1, "what was said meanwhile is kept");
    let counts = test.store.counts().await.expect("read");
    assert_eq!((counts.succeeded, counts.queued), (1, 1), "what was refused is not there");
    let seqs: Vec<i64> = test.recorder.events().iter().map(|event| event.seq.0).collect();
    assert_eq!(seqs, (1..=seqs.len() as i64).collect::<Vec<_>>(), "rolled back events are never published");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cursor_before_oldest_event_returns_none() {
    let test = open().await;
    for _ in 0..10 {
        test.store.enqueue(new_job("a")).await.expect("accepted");
    }
    test.clock.advance(25 * HOUR);
    // Maintenance keeps up with new rows.
    let mut calls = JoinSet::new();
    for _ in 0..600 {
        let store = Arc::clone(&test.store);
        calls.spawn(async move { store.enqueue(new_job("a")).await });
    }
    calls.join_all().await;
    let trimmed = async {
        while test.store.events_after(Seq(5), 1).await.expect("read").is_some() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), trimmed).await.expect("old events go");
    let rest = test.store.events_after(Seq(10), 1_000).await.expect("read").expect("kept");
    assert_eq!((rest.len(), rest[0].seq), (600, Seq(11)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_of_deleted_job_is_deleted() {
    let test = open().await;
    let fence = running(&*test.store, "a").await.fence;
    for chunk in 0..500 {
        test.store.append_logs(vec![lines(&fence, chunk * 2 + 1, &["one", "two"])]);
    }
    test.store.finish(finish(&fence, succeeded())).await.expect("finished");
    test.store.delete(fence.job, &"ann".into()).await.expect("deleted");
    let mut connection = peek(&test).await;
    let gone = async {
        while number(&mut connection, "select count(*) from log").await > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), gone).await.expect("its chunks go");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_published_in_commit_order() {
    let test = open().await;
    let mut calls = JoinSet::new();
    for _ in 0..20 {
        let store = Arc::clone(&test.store);
        calls.spawn(async move {
            for _ in 0..20 {
                store.enqueue(new_job("a")).await.expect("accepted");
                for claimed in store.claim(claim(2, &["a"])).await.expect("claimed") {
                    store.append_logs(vec![lines(&claimed.fence, 1, &["one"])]);
                    store.finish(finish(&claimed.fence, succeeded())).await.expect("finished");
                }
            }
        });
    }
    calls.join_all().await;
    let events = test.recorder.events();
    assert_eq!(events.len(), 400 * 4);
    assert!(events.iter().zip(1..).all(|(event, seq)| event.seq == Seq(seq)));
    assert_eq!(test.store.events_after(Seq(0), 10_000).await.expect("read").expect("kept"), events);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_writes_survive_reopening() {
    let TestStore { store, folder, clock, .. } = open().await;
    let fence = running(&*store, "a").await.fence;
    store.save_progress(vec![(fence.clone(), progress(4, 40))]);
    let before = store.position().await.expect("read");
    drop(store);
    let options = SqliteOptions { clock, migrate: false, ..SqliteOptions::new(folder.path().join("milepost.db")) };
    let store = SqliteStore::open(options).await.expect("it opens");
    assert_eq!(store.position().await.expect("read"), before, "the same log of events");
    assert_eq!(store.job(fence.job).await.expect("found").progress, progress(4, 40));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn newer_schema_is_rejected_with_remedy() {
    let test = open().await;
    let mut connection = peek(&test).await;
    sqlx::query(
        "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
        values (9999, 'from the future', true, x'00', 0)",
    )
    .execute(&mut connection)
    .await
    .expect("inserted");
    for migrate in [true, false] {
        let options = SqliteOptions { migrate, ..SqliteOptions::new(test.folder.path().join("milepost.db")) };
        let refused = SqliteStore::open(options).await.err().expect("refused");
        assert!(matches!(&refused, Error::Unusable(why) if why.contains("newer Milepost")), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn database_has_the_documented_pragmas() {
    let test = open().await;
    let mut connection = peek(&test).await;
    let journal: String = sqlx::query_scalar("pragma journal_mode").fetch_one(&mut connection).await.expect("read");
    assert_eq!(journal, "wal");
    assert_eq!(number(&mut connection, "pragma auto_vacuum").await, 2, "incremental");
    let loose = "select count(*) from pragma_table_list
        where schema = 'main' and type = 'table' and not strict
            and name not like 'sqlite_%' and name <> '_sqlx_migrations'";
    assert_eq!(number(&mut connection, loose).await, 0);
}

/// Records the log messages of this process.
#[derive(Default)]
struct Logged(Mutex<Vec<String>>);

impl Subscriber for Logged {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        struct Message(String);
        impl Visit for Message {
            fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
                if field.name() == "message" {
                    self.0 = format!("{value:?}");
                }
            }
        }
        let mut message = Message(String::new());
        event.record(&mut message);
        self.0.lock().expect("no holder panics").push(message.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_deletion_is_not_in_the_audit_log() {
    let logged = Arc::new(Logged::default());
    // The writer runs on its own thread.
    tracing::subscriber::set_global_default(Arc::clone(&logged)).expect("no other test does this");
    let test = open().await;
    let fence = running(&*test.store, "a").await.fence;
    test.store.finish(finish(&fence, succeeded())).await.expect("finished");
    let mut connection = peek(&test).await;
    // The last statement of the transaction.
    let refuse = "create trigger refuse before insert on event begin select raise(abort, 'no'); end";
    sqlx::query(refuse).execute(&mut connection).await.expect("made");
    assert!(matches!(test.store.delete(fence.job, &"ann".into()).await, Err(Error::Database(_))));
    assert!(test.store.job(fence.job).await.is_ok(), "it is still there");
    let messages = logged.0.lock().expect("no holder panics").clone();
    assert!(messages.iter().any(|message| message.contains("a transaction failed")), "{messages:?}");
    assert!(!messages.iter().any(|message| message.contains("job deleted")), "{messages:?}");
}
