//! Schema upgrades: databases of earlier builds open with all their data.

use std::{collections::BTreeMap, path::Path};

use engine::{
    Clock,
    access::Visibility,
    store::{Accounts, AuditPage, AuditQuery, ListQuery, LogQuery, SqliteOptions, SqliteStore, Store, UserChange},
};
use model::{JobId, JobState, Micros, Role, Seq};
use sqlx::{
    ConnectOptions, Connection, SqliteConnection,
    migrate::Migrator,
    sqlite::{SqliteAutoVacuum, SqliteConnectOptions},
};
use tempfile::TempDir;

use super::support::{ManualClock, claim, enter};

const MIGRATIONS: &str = "../../migrations/sqlite";

/// Creates a database with the first `migrations` only.
async fn made_by(migrations: usize) -> (TempDir, SqliteConnection) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let options = SqliteConnectOptions::new()
        .filename(folder.path().join("milepost.db"))
        .create_if_missing(true)
        .auto_vacuum(SqliteAutoVacuum::Incremental);
    let mut connection = options.connect().await.expect("it opens");
    let all = Migrator::new(Path::new(MIGRATIONS)).await.expect("the folder can be read");
    let first = all.iter().take(migrations).cloned().collect();
    let earlier = Migrator { locking: false, ..Migrator::with_migrations(first) };
    earlier.run(&mut connection).await.expect("it is migrated");
    (folder, connection)
}

/// Closes the database and opens it as this build does.
async fn upgraded(folder: &TempDir, connection: SqliteConnection) -> SqliteStore {
    connection.close().await.expect("it closes");
    let options = SqliteOptions { clock: ManualClock::new(), ..SqliteOptions::new(folder.path().join("milepost.db")) };
    SqliteStore::open(options).await.expect("it is brought up to date")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn schema_2_jobs_are_upgraded_completely() {
    let (folder, mut connection) = made_by(2).await;
    sqlx::raw_sql(
        "insert into job (id, kind, title, created_by, created_at, in_line, max_attempts, charged, state, boot, started_at)
        values (1, 'demo', 'One', 'ann', 5, 1, 1, 1, 'running', 'dead', 6), (2, 'demo', 'Two', 'ann', 5, 2, 1, 0, 'queued', null, null),
            (3, 'demo', 'Three', 'ann', 5, 3, 1, 1, 'succeeded', null, 6);
        insert into job_input (job, input) select id, '{}' from job;
        insert into attempt (job, attempt, kind, state, started_at, ended_at, boot)
        values (3, 1, 'demo', 'succeeded', 6, 7, 'dead');
        insert into kind (name, jobs) values ('demo', 3);
        update ledger set seq = 9, last_job = 3, queued = 1, running = 1, succeeded = 1;",
    )
    .execute(&mut connection)
    .await
    .expect("it is written");
    connection.close().await.expect("it closes");

    let path = folder.path().join("milepost.db");
    let options = SqliteOptions { clock: ManualClock::new(), ..SqliteOptions::new(&path) };
    let store = SqliteStore::open(options).await.expect("it is brought up to date");
    assert_eq!(store.job(JobId(1)).await.expect("kept").state, JobState::Running);
    assert_eq!(store.attempts(JobId(3)).await.expect("kept").len(), 1);
    enter(&store).await;
    let claimed = store.claim(claim(8, &["demo"])).await.expect("it is claimed");
    assert_eq!(claimed.iter().map(|claimed| claimed.view.job).collect::<Vec<_>>(), [JobId(2)]);
    store.delete(JobId(3), &"ann".into()).await.expect("it is deleted");
    drop(store);

    let mut connection = SqliteConnectOptions::new().filename(&path).connect().await.expect("it opens");
    let broken: i64 = sqlx::query_scalar("select count(*) from pragma_foreign_key_check")
        .fetch_one(&mut connection)
        .await
        .expect("it is checked");
    assert_eq!(broken, 0);
    let orphans: i64 = sqlx::query_scalar("select count(*) from attempt where job = 3")
        .fetch_one(&mut connection)
        .await
        .expect("read");
    assert_eq!(orphans, 0, "what belongs to a job still goes with it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_and_uploads_before_accounts_have_no_owner() {
    let (folder, mut connection) = made_by(9).await;
    sqlx::raw_sql(
        "insert into session (key, data, expires) values (x'6b', x'64', 99);
        insert into upload (id, name, size, at) values ('u', 'a.csv', 5, 1);
        update ledger set upload_bytes = 5;",
    )
    .execute(&mut connection)
    .await
    .expect("it is written");
    let store = upgraded(&folder, connection).await;
    let session = store.load_session(b"k", Micros(98), Micros(i64::MAX)).await.expect("read").expect("it is kept");
    assert_eq!((session.data.as_slice(), session.owner), (b"d".as_slice(), None));
    assert_eq!(store.upload("u").await.expect("kept").by, None);
    assert_eq!(store.users().await.expect("read"), []);
    let everything = AuditQuery { limit: 1, ..AuditQuery::default() };
    assert_eq!(store.audit(&everything).await.expect("read"), AuditPage::default());
    store.add_user("ann", Role::Administrator, &"local".into()).await.expect("added");
    assert_eq!(store.access_version().await.expect("read"), 1);
}

/// Each file was written by the build with that schema and holds jobs in several states; running ones have lost their
/// worker.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn released_schemas_are_upgraded_with_history() {
    let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut opened = 0;
    for fixture in std::fs::read_dir(fixtures).expect("there are some") {
        let fixture = fixture.expect("it can be listed").path();
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let path = folder.path().join("milepost.db");
        std::fs::copy(&fixture, &path).expect("it is copied");
        let mut before = tables(&path).await;

        // At the time when they were written, so that their events are not expired.
        let clock = ManualClock::new();
        clock.advance(written(&path).await - clock.now().0);
        let options = SqliteOptions { clock, ..SqliteOptions::new(&path) };
        let store = SqliteStore::open(options).await.expect("it is brought up to date");
        let events =
            store.events_after(Seq(0), 10_000).await.expect("every event can be read").expect("none is trimmed");
        assert_eq!(events.len(), before["event"], "{}", fixture.display());
        let counts = store.counts().await.expect("read");
        assert_eq!(counts.total() as usize, before["job"], "{}", fixture.display());
        let list = ListQuery { limit: 200, ..ListQuery::default() };
        for view in store.page(&list).await.expect("read").jobs {
            let detail = store.detail(view.job).await.expect("read");
            assert!(detail.input.is_object());
            assert_eq!(store.curve(view.job, view.attempt).await.expect("read"), None, "that schema had no curves");
            let log = store.log(view.job, &LogQuery { limit: 10_000, ..LogQuery::default() }).await.expect("read");
            assert_eq!(log.lines.len() as u64, detail.log_lines, "job {}", view.job);
        }
        let holders = store.workers_with_jobs().await.expect("read");
        assert_eq!(store.settle(&holders).await.expect("settled").len() as u64, counts.running);
        drop(store);
        let after = tables(&path).await;
        // Only expired events and the lost worker may be missing, because the copy has no workers.
        before.remove("node");
        for (table, rows) in before.iter().filter(|(table, _)| *table != "event") {
            assert!(after[table] >= *rows, "{table} of {}: {rows} rows, then {}", fixture.display(), after[table]);
        }

        let copies: Vec<_> = std::fs::read_dir(folder.path().join("backups")).into_iter().flatten().collect();
        if before["_sqlx_migrations"] == after["_sqlx_migrations"] {
            assert!(copies.is_empty(), "{} needs no change", fixture.display());
        } else {
            assert_eq!(copies.len(), 1, "it was copied before");
            let copy = copies[0].as_ref().expect("it can be listed").path();
            let mut kept = tables(&copy).await;
            kept.remove("node");
            assert_eq!(kept, before, "the copy is what there was");
        }
        opened += 1;
    }
    assert!(opened > 1, "an old one, and one that the next build will open");
}

/// Returns the time of the newest event.
async fn written(path: &std::path::Path) -> i64 {
    let mut connection = SqliteConnectOptions::new().filename(path).connect().await.expect("it opens");
    sqlx::query_scalar("select max(at) from event").fetch_one(&mut connection).await.expect("read")
}

/// Returns the number of rows of each table.
async fn tables(path: &std::path::Path) -> BTreeMap<String, usize> {
    let mut connection = SqliteConnectOptions::new().filename(path).connect().await.expect("it opens");
    let names: Vec<String> = sqlx::query_scalar("select name from sqlite_schema where type = 'table'")
        .fetch_all(&mut connection)
        .await
        .expect("read");
    let mut rows = BTreeMap::new();
    for name in names {
        let count: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select count(*) from {name}")))
            .fetch_one(&mut connection)
            .await
            .expect("read");
        rows.insert(name, count as usize);
    }
    connection.close().await.expect("it closes");
    rows
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_time_of_earlier_schemas_is_computed() {
    let (folder, mut connection) = made_by(15).await;
    sqlx::raw_sql(
        "insert into job (id, kind, title, created_by, created_at, in_line, max_attempts, charged, state, attempt, started_at, ended_at)
        values (1, 'demo', 'One', 'ann', 0, 1, 1, 1, 'succeeded', 2, 90000000, 97000000),
            (2, 'demo', 'Two', 'ann', 0, 2, 1, 1, 'paused', 2, null, null);
        insert into job_input (job, input) select id, '{}' from job;
        insert into attempt (job, attempt, kind, state, started_at, ended_at, boot)
        values (1, 1, 'demo', 'paused', 0, 9000000, 'a'), (1, 2, 'demo', 'succeeded', 90000000, 97000000, 'a'),
            (2, 1, 'demo', 'paused', 0, 5000000, 'a');
        insert into kind (name, jobs) values ('demo', 2);
        update ledger set seq = 9, last_job = 2, succeeded = 1, paused = 1;",
    )
    .execute(&mut connection)
    .await
    .expect("it is written");
    let store = upgraded(&folder, connection).await;
    for (job, seconds) in [(1, 16.0), (2, 5.0)] {
        assert_eq!(store.job(JobId(job)).await.expect("kept").work_time(Micros(0)), Some(seconds));
    }
    let stats = store.kind_stats(&Visibility::default()).await.expect("read").remove(0);
    assert_eq!(stats.usual_seconds, Some(16.0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_of_earlier_schemas_have_no_display_name() {
    let (folder, mut connection) = made_by(17).await;
    sqlx::raw_sql(
        "insert into user (name, role, password, created_at) values ('ada', 'administrator', 'x', 1), ('mei', 'viewer', null, 2);
        update user set removed_at = 3 where name = 'mei';",
    )
    .execute(&mut connection)
    .await
    .expect("it is written");
    let store = upgraded(&folder, connection).await;
    let users = store.users().await.expect("read");
    assert_eq!(
        users.iter().map(|user| (&*user.name, &user.display_name)).collect::<Vec<_>>(),
        [("ada", &None), ("mei", &None)]
    );
    let change = UserChange::DisplayName(Some("Ada Lovelace".to_owned()));
    store.change_user(users[0].id, change, &"ada".into()).await.expect("changed");
    let users = store.users().await.expect("read");
    assert_eq!(users[0].display_name.as_deref(), Some("Ada Lovelace"));
}
