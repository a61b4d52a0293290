//! Query plans: no statement of the SQLite store scans a growing table. Every command is called once, the statements
//! are taken from the logs of sqlx and the writer, and each is checked with `explain query plan`.

#[path = "store/conformance.rs"]
mod conformance;
#[path = "store/support.rs"]
mod support;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use engine::store::{SqliteOptions, SqliteStore};
use sqlx::{AssertSqlSafe, Connection, Row, SqliteConnection};
use support::{EventRecorder, ManualClock, TestStore};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

/// Allowed scans, with reasons.
const HARMLESS: [(&str, &str); 4] = [
    ("SCAN found", "along the primary key, until the page is full"),
    ("SCAN event", "along the primary key, a fixed number of rows"),
    ("SCAN log_garbage", "its first row"),
    ("SCAN message", "along the primary key, as many rows as are kept: ten thousand"),
];

/// Parts of the statements that migrate the database; these may read all of it.
const MIGRATIONS: [&str; 3] = ["create table", "alter table", "_sqlx_migrations"];

/// All jobs of one state: allowed where intended and stated by `indexed by`.
const WHOLE_STATE: &str = "USING INDEX job_by_state (state=?)";

/// Growing tables and their aliases in statements.
const GROWING: [&str; 24] = [
    "job",
    "found",
    "waiting",
    "held",
    "first",
    "last",
    "job_input",
    "attempt",
    "checkpoint",
    "activity",
    "log",
    "artifact",
    "upload",
    "upload_use",
    "event",
    "hour",
    "session",
    "audit",
    "line",
    "log_garbage",
    "message",
    "job_note",
    "schedule_skip",
    "progress_history",
];

/// Records the text of every statement.
struct Statements(Arc<Mutex<BTreeSet<String>>>);

impl Subscriber for Statements {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        ["sqlx::query", "engine::statement"].contains(&metadata.target())
    }

    fn event(&self, event: &Event<'_>) {
        let mut text = Text::default();
        event.record(&mut text);
        let Text { statement, summary } = text;
        let sql = if statement.is_empty() { summary } else { statement };
        self.0.lock().expect("nothing panics while it is held").insert(sql);
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

/// The log fields with the text. sqlx has two; short statements are in the summary only.
#[derive(Default)]
struct Text {
    statement: String,
    summary: String,
}

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "db.statement" | "sql" => value.clone_into(&mut self.statement),
            "summary" => value.clone_into(&mut self.summary),
            _ => {}
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

async fn open() -> TestStore {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let (clock, recorder) = (ManualClock::new(), Arc::new(EventRecorder::default()));
    let options = SqliteOptions {
        clock: clock.clone(),
        listener: Some(recorder.clone()),
        ..SqliteOptions::new(folder.path().join("milepost.db"))
    };
    let store = Arc::new(SqliteStore::open(options).await.expect("it opens"));
    support::enter(&*store).await;
    TestStore { store, clock, recorder, folder }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_query_scans_a_growing_table() {
    let statements = Arc::<Mutex<BTreeSet<String>>>::default();
    tracing::subscriber::set_global_default(Statements(Arc::clone(&statements))).expect("no other subscriber is set");
    // Together these call every command, and lists with every filter.
    conformance::every_promise(open).await;

    let test = open().await;
    let url = format!("sqlite://{}", test.folder.path().join("milepost.db").display());
    let mut connection = SqliteConnection::connect(&url).await.expect("it opens");
    let statements = statements.lock().expect("nothing panics while it is held").clone();
    let single: BTreeSet<&str> = statements
        .iter()
        .filter(|statement| MIGRATIONS.iter().all(|part| !statement.contains(part)))
        .flat_map(|statement| statement.split(';'))
        .map(str::trim)
        .filter(|sql| ["select", "with", "insert", "update", "delete"].iter().any(|verb| sql.starts_with(verb)))
        .collect();
    assert!(single.len() > 60, "the log of statements is read");
    let mut walks = Vec::new();
    for sql in single {
        let plan = sqlx::query(AssertSqlSafe(format!("explain query plan {sql}"))).fetch_all(&mut connection).await;
        for step in plan.expect("it is planned") {
            let step: String = step.get("detail");
            let walked = step.strip_prefix("SCAN ").and_then(|step| step.split(' ').next()).unwrap_or_default();
            let harmless = HARMLESS.iter().any(|(harmless, _)| step == *harmless);
            let astray = step.ends_with(WHOLE_STATE) && !sql.contains("indexed by job_by_state");
            if astray || GROWING.contains(&walked) && !harmless {
                walks.push(format!("{step}\n{sql}"));
            }
        }
    }
    assert!(walks.is_empty(), "{}", walks.join("\n\n"));
}
