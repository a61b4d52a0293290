//! A job that was stopped in the middle, whatever stopped it, comes to what it would have come to without.

use std::{
    collections::HashMap,
    fs::File,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{Router, extract::Request, http::StatusCode, response::IntoResponse};
use model::{JobId, JobState};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, ConnectOptions, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::{net::TcpListener, sync::Semaphore};

use crate::support::{
    harness::TaskHarness,
    import_fixture::{self, orders_csv},
};

/// A folder that takes a while, however fast files are read: there are many of them.
fn many_files(harness: &TaskHarness) {
    for number in 0..3_000 {
        harness.file(&format!("{}/{number}", number % 7), format!("file {number}"));
    }
    for number in 0..20 {
        File::create(harness.root().join(format!("{}/large {number}", number % 7))).unwrap().set_len(1 << 20).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn resumed_manifest_is_identical() {
    let harness = TaskHarness::with_checkpoints().await;
    many_files(&harness);
    for (algorithm, name) in [("sha256", "SHA256SUMS"), ("blake3", "B3SUMS")] {
        let input = json!({ "folder": harness.root(), "algorithm": algorithm });
        let pieces = harness.succeed_in_pieces("checksum", input.clone()).await;
        let whole = harness.succeed("checksum", input).await;
        assert_eq!(pieces.output, whole.output);
        assert_eq!(harness.artifact(pieces.view.job, name).await, harness.artifact(whole.view.job, name).await);
        assert_eq!(pieces.view.progress.value, whole.view.progress.value);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn resumed_scan_finds_the_same_files() {
    let harness = TaskHarness::with_checkpoints().await;
    many_files(&harness);
    let input = json!({ "folder": harness.root() });
    let pieces = harness.succeed_caught_early("checksum", input.clone()).await;
    let whole = harness.succeed("checksum", input).await;
    assert_eq!(pieces.output, whole.output);
    let manifest = "SHA256SUMS";
    assert_eq!(harness.artifact(pieces.view.job, manifest).await, harness.artifact(whole.view.job, manifest).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn resumed_verification_has_the_same_report() {
    let harness = TaskHarness::with_checkpoints().await;
    many_files(&harness);
    let made = harness.succeed("checksum", json!({ "folder": harness.root() })).await;
    let manifest = String::from_utf8(harness.artifact(made.view.job, "SHA256SUMS").await).unwrap();
    let gone = format!("{}  0/gone\nnot a line\n", "0".repeat(64));
    let manifest = harness.upload("SHA256SUMS", format!("{gone}{manifest}")).await;
    std::fs::write(harness.root().join("new"), "new").unwrap();
    let input = json!({ "folder": harness.root(), "manifest": manifest });
    let (whole, code, _) = harness.fail("checksum", input.clone()).await;
    assert_eq!(code, "mismatch");
    let job = loop {
        let job = harness.start("checksum", input.clone()).await;
        if harness.is_checkpointed(job).await {
            harness.engine.cancel(job, "tester").await.unwrap();
            if harness.ended(job).await.view.failure.is_none() {
                break job;
            }
        }
    };
    harness.engine.retry(job, "tester").await.unwrap();
    let ended = harness.ended(job).await;
    assert_eq!(ended.view.failure.map(|failure| failure.code).as_deref(), Some("mismatch"));
    assert!(harness.log(job).await.contains("continues after"));
    let report = "verification.txt";
    assert_eq!(harness.artifact(job, report).await, harness.artifact(whole, report).await);
    let whole = harness.engine.job(whole).await.unwrap().progress;
    assert_eq!((ended.view.progress.data, ended.view.progress.warnings), (whole.data, whole.warnings));
}

/// The database of imported tables, as another program sees it.
async fn database(harness: &TaskHarness) -> SqliteConnection {
    SqliteConnectOptions::new().filename(harness.engine.data_dir().imports()).connect().await.unwrap()
}

/// The one value that a query answers.
async fn ask(harness: &TaskHarness, query: &str) -> i64 {
    import_fixture::ask(&mut database(harness).await, query).await
}

async fn run(harness: &TaskHarness, statement: &str) {
    let statement = sqlx::query(AssertSqlSafe(statement.to_owned()));
    statement.execute(&mut database(harness).await).await.unwrap();
}

async fn assert_same_tables(harness: &TaskHarness) {
    import_fixture::assert_same_tables(&mut database(harness).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn resumed_import_has_the_same_rows_types_and_rejects() {
    let harness = TaskHarness::with_checkpoints().await;
    let file = harness.upload("orders.csv", orders_csv(60_000)).await;
    let input = |table: &str| json!({ "file": file, "table": table, "index": "day" });
    let mut pieces = harness
        .succeed_in_pieces(
            "import-csv",
            json!({ "if_exists": "replace", "file": file, "table": "pieces", "index": "day" }),
        )
        .await;
    let mut whole = harness.succeed("import-csv", input("whole")).await;
    for ended in [&mut pieces, &mut whole] {
        ended.output["table"] = Value::Null;
    }
    assert_eq!(pieces.output, whole.output);
    assert_eq!(pieces.view.progress.warnings, whole.view.progress.warnings);
    let rejected = "rejected.csv";
    assert_eq!(harness.artifact(pieces.view.job, rejected).await, harness.artifact(whole.view.job, rejected).await);
    assert_same_tables(&harness).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn resumed_inspection_finds_the_same_types() {
    let harness = TaskHarness::with_checkpoints().await;
    // The first record says what the columns are; an inspection that forgets it would guess narrower types.
    let content = orders_csv(60_000).replacen('\n', "\nfirst;name;0;never\n", 1);
    let file = harness.upload("orders.csv", content).await;
    let input = |table: &str| json!({ "if_exists": "replace", "file": file, "table": table, "index": "day" });
    let mut pieces = harness.succeed_caught_early("import-csv", input("pieces")).await;
    let mut whole = harness.succeed("import-csv", input("whole")).await;
    for ended in [&mut pieces, &mut whole] {
        ended.output["table"] = Value::Null;
    }
    assert_eq!(pieces.output, whole.output);
    assert_eq!(pieces.output["columns"][3]["type"], "text");
    assert_same_tables(&harness).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn import_resumes_after_server_restart() {
    let harness = TaskHarness::with_checkpoints().await;
    let file = harness.upload("orders.csv", orders_csv(60_000)).await;
    let input = |table: &str| json!({ "file": file, "table": table, "index": "day" });
    let job = harness.start("import-csv", input("pieces")).await;
    assert!(harness.is_checkpointed(job).await, "it takes several transactions");
    let harness = harness.restarted().await;
    let ended = harness.ended(job).await;
    assert_eq!(ended.view.state, JobState::Succeeded, "{:?}", ended.view.failure);
    assert!(harness.log(job).await.contains("continues after line"));
    harness.succeed("import-csv", input("whole")).await;
    assert_same_tables(&harness).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn staging_table_is_dropped_with_its_job() {
    let harness = TaskHarness::with_checkpoints().await;
    let file = harness.upload("orders.csv", orders_csv(60_000)).await;
    let (job, _) = cancelled_import(&harness, json!({ "file": file, "table": "pieces" })).await;
    let unfinished = "select count(*) from sqlite_schema where name like '!_staging!_%' escape '!'";
    let small = async |table: &str| {
        let file = harness.upload("small.csv", "id\n1\n").await;
        harness.succeed("import-csv", json!({ "file": file, "table": table, "header": "yes" })).await
    };
    small("first").await;
    assert_eq!(ask(&harness, unfinished).await, 1, "a retry would go on with it");
    harness.engine.delete(job, "tester").await.unwrap();
    small("second").await;
    assert_eq!(ask(&harness, unfinished).await, 0);
}

/// An import that was cancelled in the middle, and the number of its rows that its checkpoint counts on.
async fn cancelled_import(harness: &TaskHarness, input: Value) -> (JobId, i64) {
    let job = harness.start("import-csv", input).await;
    assert!(harness.is_checkpointed(job).await, "it takes several transactions");
    harness.engine.cancel(job, "tester").await.unwrap();
    assert_eq!(harness.ended(job).await.view.state, JobState::Cancelled);
    let checkpoint = harness.engine.store().checkpoint(job).await.unwrap().unwrap();
    let rows = serde_json::from_str::<Value>(&checkpoint.data).unwrap()["rows"].as_i64().unwrap();
    assert_eq!(ask(harness, &format!("select count(*) >= {rows} and {rows} > 0 from _staging_{job}_1")).await, 1);
    (job, rows)
}

#[tokio::test(flavor = "multi_thread")]
async fn import_published_before_interruption_succeeds() {
    let harness = TaskHarness::with_checkpoints().await;
    let file = harness.upload("orders.csv", orders_csv(60_000)).await;
    let (job, rows) = cancelled_import(&harness, json!({ "file": file, "table": "orders" })).await;
    // As if that had been all, and its server had been killed between its publishing and its end.
    run(&harness, &format!("alter table _staging_{job}_1 rename to orders")).await;
    run(&harness, &format!("insert into _imports (job, upload, target) values ({job}, '{file}', 'orders')")).await;
    let before = ask(&harness, "select count(*) from orders").await;
    harness.engine.retry(job, "tester").await.unwrap();
    let ended = harness.ended(job).await;
    assert_eq!(ended.view.state, JobState::Succeeded, "{:?}", ended.view.failure);
    assert_eq!(ended.output["rows_loaded"], rows);
    assert_eq!(ask(&harness, "select count(*) from orders").await, before, "left as it is");
    let rejected = harness.table(job, "rejected.csv").await.len() as u64 - 1;
    assert_eq!(ended.output["rows_rejected"], rejected);
    assert_eq!(ended.view.progress.warnings, rejected.min(100) + u64::from(rejected > 100));
}

#[tokio::test(flavor = "multi_thread")]
async fn import_without_its_staging_rows_starts_again() {
    let harness = TaskHarness::with_checkpoints().await;
    let file = harness.upload("orders.csv", orders_csv(60_000)).await;
    let input = |table: &str| json!({ "file": file, "table": table, "index": "day" });
    let (job, rows) = cancelled_import(&harness, input("pieces")).await;
    run(&harness, &format!("delete from _staging_{job}_1 where rowid >= {rows}")).await;
    harness.engine.retry(job, "tester").await.unwrap();
    let ended = harness.ended(job).await;
    assert_eq!(ended.view.state, JobState::Succeeded, "{:?}", ended.view.failure);
    let log = harness.log(job).await;
    assert!(log.contains("starting over") && !log.contains("continues after"));
    let whole = harness.succeed("import-csv", input("whole")).await;
    assert_eq!(ended.view.progress.warnings, whole.view.progress.warnings);
    assert_same_tables(&harness).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn import_stopped_at_a_record_stops_there_again() {
    let harness = TaskHarness::with_checkpoints().await;
    let file = harness.upload("one.csv", "id\n1\n").await;
    harness.succeed("import-csv", json!({ "file": file, "table": "numbers", "header": "yes" })).await;
    // The table has numbers only.
    let rows: Vec<String> = (0..5_000).map(|n| if n == 3_100 { "none".to_owned() } else { n.to_string() }).collect();
    let file = harness.upload("more.csv", format!("id\n{}\n", rows.join("\n"))).await;
    let options =
        json!({ "table": "numbers", "header": "yes", "if_exists": "append", "on_error": "stop", "file": file });
    let (job, code, message) = harness.fail("import-csv", options).await;
    assert_eq!((code.as_str(), message.starts_with("Line 3102:")), ("bad_record", true), "{message}");
    harness.engine.retry(job, "tester").await.unwrap();
    let again = harness.ended(job).await.view;
    assert_eq!(again.failure.map(|failure| (failure.code, failure.message)), Some((code, message)));
    assert!(harness.log(job).await.contains("continues after line"));
    assert_eq!(ask(&harness, "select count(*) from numbers").await, 1, "nothing is imported");
}

#[tokio::test(flavor = "multi_thread")]
async fn import_leaves_table_of_later_attempt_alone() {
    let harness = TaskHarness::with_checkpoints().await;
    let file = harness.upload("orders.csv", orders_csv(60_000)).await;
    let (job, _) = cancelled_import(&harness, json!({ "file": file, "table": "orders" })).await;
    // As if a later attempt had taken it over while the next one slept.
    run(&harness, &format!("alter table _staging_{job}_1 rename to _staging_{job}_7")).await;
    let before = ask(&harness, &format!("select count(*) from _staging_{job}_7")).await;
    harness.engine.retry(job, "tester").await.unwrap();
    assert_eq!(harness.ended(job).await.view.state, JobState::Failed);
    assert_eq!(ask(&harness, &format!("select count(*) from _staging_{job}_7")).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn resumed_demo_makes_the_same_number_of_reports() {
    let harness = TaskHarness::with_checkpoints().await;
    let input = json!({ "seconds": 2, "reports_per_second": 1_000, "ending": "warn" });
    let pieces = harness.succeed_in_pieces("demo", input).await;
    assert_eq!(pieces.output["reports"], 2_000);
    assert_eq!(pieces.view.progress.warnings, 3, "each is given once");
    assert_eq!(Some(pieces.view.progress.value), pieces.view.progress.max);
}

/// A site that counts who asks for what, and makes some wait.
struct Site {
    address: SocketAddr,
    asked: Arc<Mutex<HashMap<String, u32>>>,
    control: Arc<Semaphore>,
}

impl Site {
    async fn open() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (asked, control) = (Arc::<Mutex<HashMap<String, u32>>>::default(), Arc::new(Semaphore::new(0)));
        let (counted, held) = (Arc::clone(&asked), Arc::clone(&control));
        let pages = Router::new().fallback(move |request: Request| {
            let path = request.uri().path().to_owned();
            *counted.lock().unwrap().entry(path.clone()).or_default() += 1;
            let held = Arc::clone(&held);
            async move {
                if path.starts_with("/held") {
                    let _passed = held.acquire().await.unwrap();
                }
                if path.contains("missing") { StatusCode::NOT_FOUND.into_response() } else { "fine".into_response() }
            }
        });
        tokio::spawn(async move { axum::serve(listener, pages).await });
        Self { address, asked, control }
    }

    fn asked(&self, path: &str) -> u32 {
        self.asked.lock().unwrap().get(path).copied().unwrap_or_default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn resumed_link_check_repeats_no_finished_link() {
    let (harness, site) = (TaskHarness::with_checkpoints().await, Site::open().await);
    let word = |number: u32| if number.is_multiple_of(3) { "missing" } else { "page" };
    let quick: Vec<String> = (0..30).map(|number| format!("/{}/{number}", word(number))).collect();
    let held: Vec<String> = (0..10).map(|number| format!("/held/{}/{number}", word(number))).collect();
    let urls: Vec<String> = quick.iter().chain(&held).map(|path| format!("http://{}{path}", site.address)).collect();
    let input = json!({ "urls": urls.join("\n"), "per_host_per_second": 1_000, "concurrency": 4, "timeout": 120 });

    let job = harness.start("check-links", input.clone()).await;
    harness.when(job, |view| view.progress.unit == "links" && view.progress.value == 30).await;
    assert!(harness.is_checkpointed(job).await);
    harness.engine.cancel(job, "tester").await.unwrap();
    assert_eq!(harness.ended(job).await.view.state, JobState::Cancelled);
    site.control.add_permits(1_000);
    harness.engine.retry(job, "tester").await.unwrap();
    let pieces = harness.ended(job).await;
    assert_eq!(pieces.view.state, JobState::Succeeded, "{:?}", pieces.view.failure);
    assert!(harness.log(job).await.contains("continues after 30 of 40 links"));
    for path in &quick {
        assert_eq!(site.asked(path), 1, "{path}");
    }
    assert!(held.iter().all(|path| (1..=2).contains(&site.asked(path))));

    let whole = harness.succeed("check-links", input).await;
    assert_eq!(pieces.output, whole.output);
    let progress = |ended: &crate::support::harness::Ended| {
        let progress = &ended.view.progress;
        (progress.value, progress.max, progress.warnings)
    };
    assert_eq!(progress(&pieces), progress(&whole));
    let rows = async |job| {
        let mut rows = harness.table(job, "links.csv").await;
        for row in &mut rows {
            row.remove(4);
        }
        rows
    };
    assert_eq!(rows(job).await, rows(whole.view.job).await);
    assert_eq!(rows(job).await.len(), 41);
}

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_saves_a_final_checkpoint() {
    // None is due while the test lasts, so whatever there is was made on being asked to stop.
    let (harness, site) = (TaskHarness::without_checkpoints().await, Site::open().await);
    let urls = (0..12).map(|number| if number < 8 { format!("/page/{number}") } else { format!("/held/{number}") });
    let urls: Vec<String> = urls.map(|path| format!("http://{}{path}", site.address)).collect();
    let input = json!({ "urls": urls.join("\n"), "per_host_per_second": 1_000, "concurrency": 4, "timeout": 120 });
    let links = harness.start("check-links", input).await;
    let demo = harness.start("demo", json!({ "seconds": 600 })).await;
    harness.when(links, |view| view.progress.unit == "links" && view.progress.value == 8).await;
    let reported = harness.when(demo, |view| view.progress.value > 3).await.progress.value;

    let harness = harness.restarted().await;
    site.control.add_permits(1_000);
    assert_eq!(harness.ended(links).await.view.state, JobState::Succeeded);
    assert!(
        harness.log(links).await.contains("continues after 8 of 12 links"),
        "{:?}",
        (harness.log(links).await, harness.engine.store().activity(links, 9).await)
    );
    let again = harness.when(demo, |view| view.attempt == 2 && view.progress.value > 0).await.progress.value;
    assert!(again >= reported, "it had made {reported} reports, and goes on after {again}");
}
