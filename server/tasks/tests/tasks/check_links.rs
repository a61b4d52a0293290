//! `check-links` against a server of its own on loopback.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Router,
    extract::Request,
    http::{HeaderMap, Method, StatusCode, header::LOCATION},
    response::{IntoResponse, Response},
};
use model::JobState;
use serde_json::json;
use tasks::TaskSettings;
use tokio::net::TcpListener;

use crate::support::harness::TaskHarness;

/// A small site of good and bad pages.
struct Site {
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
}

impl Site {
    async fn open() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&requests);
        let pages = Router::new().fallback(move |request: Request| {
            counted.fetch_add(1, Ordering::SeqCst);
            page(request)
        });
        tokio::spawn(async move { axum::serve(listener, pages).await });
        Self { address, requests }
    }

    fn link(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

async fn page(request: Request) -> Response {
    let to = |target: &str| (StatusCode::FOUND, HeaderMap::from_iter([(LOCATION, target.parse().unwrap())]));
    match request.uri().path() {
        "/no-head" if request.method() == Method::HEAD => StatusCode::METHOD_NOT_ALLOWED.into_response(),
        "/ok" | "/ok2" | "/no-head" => "fine".into_response(),
        "/moved" => to("/moved-again").into_response(),
        "/moved-again" => to("/ok").into_response(),
        "/loop" => to("/loop").into_response(),
        "/to-file" => to("file:///etc/passwd").into_response(),
        "/silent" => std::future::pending().await,
        "/broken" => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn harness() -> TaskHarness {
    TaskHarness::with(TaskSettings { allow_private_links: true, ..TaskSettings::default() }).await
}

#[tokio::test]
async fn every_line_is_reported_in_order() {
    let (harness, site) = (harness().await, Site::open().await);
    let paths = ["/ok", "/no-head", "/moved", "/missing", "/broken", "/loop", "/to-file", "/ok#part"];
    let mut urls: Vec<String> = paths.iter().map(|path| site.link(path)).collect();
    urls.push("=HYPERLINK(\"x\")".to_owned());
    urls.push("http://127.0.0.1:1/".to_owned());
    let input = json!({ "urls": urls.join("\n"), "per_host_per_second": 1_000 });
    let ended = harness.succeed("check-links", input).await;

    let rows = harness.table(ended.view.job, "links.csv").await;
    assert_eq!(rows[0], ["url", "status", "final_url", "redirects", "milliseconds", "error"]);
    let brief: Vec<(&str, &str, bool)> =
        rows[1..].iter().map(|row| (row[1].as_str(), row[3].as_str(), row[5].is_empty())).collect();
    let hops = format!("302 {} 302 {}", site.link("/moved-again"), site.link("/ok"));
    let loops = vec![format!("302 {}", site.link("/loop")); 10].join(" ");
    assert_eq!(
        brief,
        [
            ("200", "", true),
            ("200", "", true),
            ("200", hops.as_str(), true),
            ("404", "", false),
            ("500", "", false),
            ("302", loops.as_str(), false),
            ("302", "", false),
            ("200", "", true),
            ("", "", false),
            ("", "", false),
        ]
    );
    assert_eq!(rows[3][2], site.link("/ok"), "where the redirects end");
    assert_eq!(rows[9][0], "'=HYPERLINK(\"x\")", "no formula for a spreadsheet");
    let counts = ["links", "asked", "good", "redirected", "broken"].map(|key| ended.output[key].as_u64().unwrap());
    assert_eq!(counts, [10, 9, 3, 1, 6]);
    assert_eq!(ended.view.progress.warnings, 6);
}

#[tokio::test]
async fn file_without_links_succeeds() {
    let harness = harness().await;
    let file = harness.upload("links.txt", "\n \n").await;
    let ended = harness.succeed("check-links", json!({ "file": file })).await;
    assert_eq!(ended.output["links"], 0);
    assert_eq!(harness.table(ended.view.job, "links.csv").await.len(), 1);
}

#[tokio::test]
async fn file_adds_to_typed_links_and_duplicates_are_checked_once() {
    let (harness, site) = (harness().await, Site::open().await);
    let file = harness.upload("links.txt", format!("\u{feff}{}\r\n{}\r\n", site.link("/ok"), site.link("/ok2"))).await;
    let input = json!({ "urls": site.link("/ok"), "file": file, "per_host_per_second": 1_000 });
    let ended = harness.succeed("check-links", input).await;
    assert_eq!((ended.output["links"].as_u64(), ended.output["asked"].as_u64()), (Some(3), Some(2)));
    assert_eq!(site.requests(), 2);
    assert_eq!(harness.table(ended.view.job, "links.csv").await.len(), 4);
}

#[tokio::test]
async fn private_address_is_not_requested_under_any_name() {
    let (harness, site) = (TaskHarness::open().await, Site::open().await);
    let port = site.address.port();
    let hosts = ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"];
    let urls: Vec<String> = hosts.iter().map(|host| format!("http://{host}:{port}/ok")).collect();
    let input = json!({ "urls": urls.join("\n"), "per_host_per_second": 1_000 });
    let ended = harness.succeed("check-links", input).await;
    let rows = harness.table(ended.view.job, "links.csv").await;
    for row in &rows[1..] {
        assert!(row[5].contains("which this server does not ask"), "{row:?}");
    }
    // Those that are written differently and mean the same are one link.
    assert_eq!(ended.output["refused"], ended.output["asked"]);
    assert_eq!(site.requests(), 0);
}

#[tokio::test]
async fn silent_host_times_out() {
    let (harness, site) = (harness().await, Site::open().await);
    let ended = harness.succeed("check-links", json!({ "urls": site.link("/silent"), "timeout": 1 })).await;
    let rows = harness.table(ended.view.job, "links.csv").await;
    assert_eq!(rows[1][5], "Timed out");
}

#[tokio::test]
async fn cancelled_check_keeps_its_report() {
    let (harness, site) = (harness().await, Site::open().await);
    let urls = format!("{}\n{}", site.link("/ok"), site.link("/silent"));
    let job = harness.start("check-links", json!({ "urls": urls, "timeout": 120 })).await;
    harness.when(job, |view| view.progress.unit == "links" && view.progress.value == 1).await;
    harness.engine.cancel(job, "tester").await.unwrap();
    assert_eq!(harness.ended(job).await.view.state, JobState::Cancelled);
    let rows = harness.table(job, "links.csv").await;
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[1][0], site.link("/ok"));
}

#[tokio::test]
async fn too_many_links_are_rejected_before_any_request() {
    let (harness, site) = (harness().await, Site::open().await);
    let file = harness.upload("links.txt", format!("{}\n", site.link("/ok")).repeat(100_001)).await;
    let (_, code, _) = harness.fail("check-links", json!({ "file": file })).await;
    assert_eq!(code, "too_many_links");
    assert_eq!(site.requests(), 0);
}

#[tokio::test]
async fn empty_list_is_rejected_before_start() {
    let harness = TaskHarness::open().await;
    for input in [json!({}), json!({ "urls": "" }), json!({ "urls": " \n\t\n" })] {
        let refused = harness.try_start("check-links", input).await;
        let Err(engine::Error::InvalidInput(errors)) = refused else { panic!("no links") };
        assert_eq!(errors[0].field, "urls");
    }
}

#[tokio::test]
async fn number_out_of_range_is_rejected_before_start() {
    let harness = TaskHarness::open().await;
    for (field, value) in [("concurrency", 0), ("concurrency", 65), ("timeout", 0), ("timeout", 121)] {
        let refused = harness.try_start("check-links", json!({ "urls": "x", field: value })).await;
        let Err(engine::Error::InvalidInput(errors)) = refused else { panic!("{field} = {value} must be refused") };
        assert_eq!(errors[0].field, field);
    }
}
