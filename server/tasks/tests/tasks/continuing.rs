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

use crate::{
    desk::TestEngine,
    orders::{self, orders},
};

/// A folder that takes a while, however fast files are read: there are many of them.
fn many_files(desk: &TestEngine) {
    for number in 0..3_000 {
        desk.file(&format!("{}/{number}", number % 7), format!("file {number}"));
    }
    for number in 0..20 {
        File::create(desk.root().join(format!("{}/large {number}", number % 7))).unwrap().set_len(1 << 20).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn resumed_manifest_is_identical() {
    let desk = TestEngine::with_checkpoints().await;
    many_files(&desk);
    for (algorithm, name) in [("sha256", "SHA256SUMS"), ("blake3", "B3SUMS")] {
        let input = json!({ "folder": desk.root(), "algorithm": algorithm });
        let pieces = desk.succeed_in_pieces("checksum", input.clone()).await;
        let whole = desk.succeed("checksum", input).await;
        assert_eq!(pieces.output, whole.output);
        assert_eq!(desk.artifact(pieces.view.job, name).await, desk.artifact(whole.view.job, name).await);
        assert_eq!(pieces.view.progress.value, whole.view.progress.value);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn resumed_scan_finds_the_same_files() {
    let desk = TestEngine::with_checkpoints().await;
    many_files(&desk);
    let input = json!({ "folder": desk.root() });
    let pieces = desk.succeed_caught_early("checksum", input.clone()).await;
    let whole = desk.succeed("checksum", input).await;
    assert_eq!(pieces.output, whole.output);
    let manifest = "SHA256SUMS";
    assert_eq!(desk.artifact(pieces.view.job, manifest).await, desk.artifact(whole.view.job, manifest).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn resumed_verification_has_the_same_report() {
    let desk = TestEngine::with_checkpoints().await;
    many_files(&desk);
    let made = desk.succeed("checksum", json!({ "folder": desk.root() })).await;
    let manifest = String::from_utf8(desk.artifact(made.view.job, "SHA256SUMS").await).unwrap();
    let gone = format!("{}  0/gone\nnot a line\n", "0".repeat(64));
    let manifest = desk.upload("SHA256SUMS", format!("{gone}{manifest}")).await;
    std::fs::write(desk.root().join("new"), "new").unwrap();
    let input = json!({ "folder": desk.root(), "manifest": manifest });
    let (whole, code, _) = desk.fail("checksum", input.clone()).await;
    assert_eq!(code, "mismatch");
    let job = loop {
        let job = desk.start("checksum", input.clone()).await;
        if desk.is_checkpointed(job).await {
            desk.engine.cancel(job, "tester").await.unwrap();
            if desk.ended(job).await.view.failure.is_none() {
                break job;
            }
        }
    };
    desk.engine.retry(job, "tester").await.unwrap();
    let ended = desk.ended(job).await;
    assert_eq!(ended.view.failure.map(|failure| failure.code).as_deref(), Some("mismatch"));
    assert!(desk.log(job).await.contains("continues after"));
    let report = "verification.txt";
    assert_eq!(desk.artifact(job, report).await, desk.artifact(whole, report).await);
    let whole = desk.engine.job(whole).await.unwrap().progress;
    assert_eq!((ended.view.progress.data, ended.view.progress.warnings), (whole.data, whole.warnings));
}

/// The database of imported tables, as another program sees it.
async fn database(desk: &TestEngine) -> SqliteConnection {
    SqliteConnectOptions::new().filename(desk.engine.data_dir().imports()).connect().await.unwrap()
}

/// The one value that a query answers.
async fn ask(desk: &TestEngine, query: &str) -> i64 {
    orders::ask(&mut database(desk).await, query).await
}

async fn run(desk: &TestEngine, statement: &str) {
    let statement = sqlx::query(AssertSqlSafe(statement.to_owned()));
    statement.execute(&mut database(desk).await).await.unwrap();
}

async fn assert_same_tables(desk: &TestEngine) {
    orders::assert_same_tables(&mut database(desk).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn resumed_import_has_the_same_rows_types_and_rejects() {
    let desk = TestEngine::with_checkpoints().await;
    let file = desk.upload("orders.csv", orders(60_000)).await;
    let input = |table: &str| json!({ "file": file, "table": table, "index": "day" });
    let mut pieces = desk
        .succeed_in_pieces(
            "import-csv",
            json!({ "if_exists": "replace", "file": file, "table": "pieces", "index": "day" }),
        )
        .await;
    let mut whole = desk.succeed("import-csv", input("whole")).await;
    for ended in [&mut pieces, &mut whole] {
        ended.output["table"] = Value::Null;
    }
    assert_eq!(pieces.output, whole.output);
    assert_eq!(pieces.view.progress.warnings, whole.view.progress.warnings);
    let rejected = "rejected.csv";
    assert_eq!(desk.artifact(pieces.view.job, rejected).await, desk.artifact(whole.view.job, rejected).await);
    assert_same_tables(&desk).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn resumed_inspection_finds_the_same_types() {
    let desk = TestEngine::with_checkpoints().await;
    // The first record says what the columns are; an inspection that forgets it would guess narrower types.
    let content = orders(60_000).replacen('\n', "\nfirst;name;0;never\n", 1);
    let file = desk.upload("orders.csv", content).await;
    let input = |table: &str| json!({ "if_exists": "replace", "file": file, "table": table, "index": "day" });
    let mut pieces = desk.succeed_caught_early("import-csv", input("pieces")).await;
    let mut whole = desk.succeed("import-csv", input("whole")).await;
    for ended in [&mut pieces, &mut whole] {
        ended.output["table"] = Value::Null;
    }
    assert_eq!(pieces.output, whole.output);
    assert_eq!(pieces.output["columns"][3]["type"], "text");
    assert_same_tables(&desk).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn import_resumes_after_server_restart() {
    let desk = TestEngine::with_checkpoints().await;
    let file = desk.upload("orders.csv", orders(60_000)).await;
    let input = |table: &str| json!({ "file": file, "table": table, "index": "day" });
    let job = desk.start("import-csv", input("pieces")).await;
    assert!(desk.is_checkpointed(job).await, "it takes several transactions");
    let desk = desk.restarted().await;
    let ended = desk.ended(job).await;
    assert_eq!(ended.view.state, JobState::Succeeded, "{:?}", ended.view.failure);
    assert!(desk.log(job).await.contains("continues after line"));
    desk.succeed("import-csv", input("whole")).await;
    assert_same_tables(&desk).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn staging_table_is_dropped_with_its_job() {
    let desk = TestEngine::with_checkpoints().await;
    let file = desk.upload("orders.csv", orders(60_000)).await;
    let (job, _) = cancelled_import(&desk, json!({ "file": file, "table": "pieces" })).await;
    let unfinished = "select count(*) from sqlite_schema where name like '!_staging!_%' escape '!'";
    let small = async |table: &str| {
        let file = desk.upload("small.csv", "id\n1\n").await;
        desk.succeed("import-csv", json!({ "file": file, "table": table, "header": "yes" })).await
    };
    small("first").await;
    assert_eq!(ask(&desk, unfinished).await, 1, "a retry would go on with it");
    desk.engine.delete(job, "tester").await.unwrap();
    small("second").await;
    assert_eq!(ask(&desk, unfinished).await, 0);
}

/// An import that was cancelled in the middle, and the number of its rows that its checkpoint counts on.
async fn cancelled_import(desk: &TestEngine, input: Value) -> (JobId, i64) {
    let job = desk.start("import-csv", input).await;
    assert!(desk.is_checkpointed(job).await, "it takes several transactions");
    desk.engine.cancel(job, "tester").await.unwrap();
    assert_eq!(desk.ended(job).await.view.state, JobState::Cancelled);
    let checkpoint = desk.engine.store().checkpoint(job).await.unwrap().unwrap();
    let rows = serde_json::from_str::<Value>(&checkpoint.data).unwrap()["rows"].as_i64().unwrap();
    assert_eq!(ask(desk, &format!("select count(*) >= {rows} and {rows} > 0 from _staging_{job}_1")).await, 1);
    (job, rows)
}

#[tokio::test(flavor = "multi_thread")]
async fn import_published_before_interruption_succeeds() {
    let desk = TestEngine::with_checkpoints().await;
    let file = desk.upload("orders.csv", orders(60_000)).await;
    let (job, rows) = cancelled_import(&desk, json!({ "file": file, "table": "orders" })).await;
    // As if that had been all, and its server had been killed between its publishing and its end.
    run(&desk, &format!("alter table _staging_{job}_1 rename to orders")).await;
    run(&desk, &format!("insert into _imports (job, upload, target) values ({job}, '{file}', 'orders')")).await;
    let before = ask(&desk, "select count(*) from orders").await;
    desk.engine.retry(job, "tester").await.unwrap();
    let ended = desk.ended(job).await;
    assert_eq!(ended.view.state, JobState::Succeeded, "{:?}", ended.view.failure);
    assert_eq!(ended.output["rows_loaded"], rows);
    assert_eq!(ask(&desk, "select count(*) from orders").await, before, "left as it is");
    let rejected = desk.table(job, "rejected.csv").await.len() as u64 - 1;
    assert_eq!(ended.output["rows_rejected"], rejected);
    assert_eq!(ended.view.progress.warnings, rejected.min(100) + u64::from(rejected > 100));
}

#[tokio::test(flavor = "multi_thread")]
async fn import_without_its_staging_rows_starts_again() {
    let desk = TestEngine::with_checkpoints().await;
    let file = desk.upload("orders.csv", orders(60_000)).await;
    let input = |table: &str| json!({ "file": file, "table": table, "index": "day" });
    let (job, rows) = cancelled_import(&desk, input("pieces")).await;
    run(&desk, &format!("delete from _staging_{job}_1 where rowid >= {rows}")).await;
    desk.engine.retry(job, "tester").await.unwrap();
    let ended = desk.ended(job).await;
    assert_eq!(ended.view.state, JobState::Succeeded, "{:?}", ended.view.failure);
    let log = desk.log(job).await;
    assert!(log.contains("starting over") && !log.contains("continues after"));
    let whole = desk.succeed("import-csv", input("whole")).await;
    assert_eq!(ended.view.progress.warnings, whole.view.progress.warnings);
    assert_same_tables(&desk).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn import_stopped_at_a_record_stops_there_again() {
    let desk = TestEngine::with_checkpoints().await;
    let file = desk.upload("one.csv", "id\n1\n").await;
    desk.succeed("import-csv", json!({ "file": file, "table": "numbers", "header": "yes" })).await;
    // The table has numbers only.
    let rows: Vec<String> = (0..5_000).map(|n| if n == 3_100 { "none".to_owned() } else { n.to_string() }).collect();
    let file = desk.upload("more.csv", format!("id\n{}\n", rows.join("\n"))).await;
    let options =
        json!({ "table": "numbers", "header": "yes", "if_exists": "append", "on_error": "stop", "file": file });
    let (job, code, message) = desk.fail("import-csv", options).await;
    assert_eq!((code.as_str(), message.starts_with("Line 3102:")), ("bad_record", true), "{message}");
    desk.engine.retry(job, "tester").await.unwrap();
    let again = desk.ended(job).await.view;
    assert_eq!(again.failure.map(|failure| (failure.code, failure.message)), Some((code, message)));
    assert!(desk.log(job).await.contains("continues after line"));
    assert_eq!(ask(&desk, "select count(*) from numbers").await, 1, "nothing is imported");
}

#[tokio::test(flavor = "multi_thread")]
async fn import_leaves_table_of_later_attempt_alone() {
    let desk = TestEngine::with_checkpoints().await;
    let file = desk.upload("orders.csv", orders(60_000)).await;
    let (job, _) = cancelled_import(&desk, json!({ "file": file, "table": "orders" })).await;
    // As if a later attempt had taken it over while the next one slept.
    run(&desk, &format!("alter table _staging_{job}_1 rename to _staging_{job}_7")).await;
    let before = ask(&desk, &format!("select count(*) from _staging_{job}_7")).await;
    desk.engine.retry(job, "tester").await.unwrap();
    assert_eq!(desk.ended(job).await.view.state, JobState::Failed);
    assert_eq!(ask(&desk, &format!("select count(*) from _staging_{job}_7")).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn resumed_demo_makes_the_same_number_of_reports() {
    let desk = TestEngine::with_checkpoints().await;
    let input = json!({ "seconds": 2, "reports_per_second": 1_000, "ending": "warn" });
    let pieces = desk.succeed_in_pieces("demo", input).await;
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
    let (desk, site) = (TestEngine::with_checkpoints().await, Site::open().await);
    let word = |number: u32| if number.is_multiple_of(3) { "missing" } else { "page" };
    let quick: Vec<String> = (0..30).map(|number| format!("/{}/{number}", word(number))).collect();
    let held: Vec<String> = (0..10).map(|number| format!("/held/{}/{number}", word(number))).collect();
    let urls: Vec<String> = quick.iter().chain(&held).map(|path| format!("http://{}{path}", site.address)).collect();
    let input = json!({ "urls": urls.join("\n"), "per_host_per_second": 1_000, "concurrency": 4, "timeout": 120 });

    let job = desk.start("check-links", input.clone()).await;
    desk.when(job, |view| view.progress.unit == "links" && view.progress.value == 30).await;
    assert!(desk.is_checkpointed(job).await);
    desk.engine.cancel(job, "tester").await.unwrap();
    assert_eq!(desk.ended(job).await.view.state, JobState::Cancelled);
    site.control.add_permits(1_000);
    desk.engine.retry(job, "tester").await.unwrap();
    let pieces = desk.ended(job).await;
    assert_eq!(pieces.view.state, JobState::Succeeded, "{:?}", pieces.view.failure);
    assert!(desk.log(job).await.contains("continues after 30 of 40 links"));
    for path in &quick {
        assert_eq!(site.asked(path), 1, "{path}");
    }
    assert!(held.iter().all(|path| (1..=2).contains(&site.asked(path))));

    let whole = desk.succeed("check-links", input).await;
    assert_eq!(pieces.output, whole.output);
    let progress = |ended: &crate::desk::Ended| {
        let progress = &ended.view.progress;
        (progress.value, progress.max, progress.warnings)
    };
    assert_eq!(progress(&pieces), progress(&whole));
    let rows = async |job| {
        let mut rows = desk.table(job, "links.csv").await;
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
    let (desk, site) = (TestEngine::without_checkpoints().await, Site::open().await);
    let urls = (0..12).map(|number| if number < 8 { format!("/page/{number}") } else { format!("/held/{number}") });
    let urls: Vec<String> = urls.map(|path| format!("http://{}{path}", site.address)).collect();
    let input = json!({ "urls": urls.join("\n"), "per_host_per_second": 1_000, "concurrency": 4, "timeout": 120 });
    let links = desk.start("check-links", input).await;
    let demo = desk.start("demo", json!({ "seconds": 600 })).await;
    desk.when(links, |view| view.progress.unit == "links" && view.progress.value == 8).await;
    let reported = desk.when(demo, |view| view.progress.value > 3).await.progress.value;

    let desk = desk.restarted().await;
    site.control.add_permits(1_000);
    assert_eq!(desk.ended(links).await.view.state, JobState::Succeeded);
    assert!(
        desk.log(links).await.contains("continues after 8 of 12 links"),
        "{:?}",
        (desk.log(links).await, desk.engine.store().activity(links, 9).await)
    );
    let again = desk.when(demo, |view| view.attempt == 2 && view.progress.value > 0).await.progress.value;
    assert!(again >= reported, "it had made {reported} reports, and goes on after {again}");
}
