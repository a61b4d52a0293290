//! The log of every built-in task: its start, its stages with their work, its end and its error.

use model::Level;
use serde_json::{Value, json};

use crate::support::harness::TaskHarness;

/// The lines of a job's log.
async fn lines(harness: &TaskHarness, job: model::JobId) -> Vec<(Level, String)> {
    let query = engine::store::LogQuery { limit: 1_000, ..engine::store::LogQuery::default() };
    let page = harness.engine.store().log(job, &query).await.unwrap();
    page.lines.into_iter().map(|(_, line)| (line.level, line.text)).collect()
}

#[tokio::test]
async fn every_built_in_task_logs_start_stages_and_end() {
    let harness = TaskHarness::open().await;
    harness.file("docs/a.txt", "four");
    harness.file("docs/b.txt", "three");
    let csv = harness.upload("rows.csv", "n,word\n1,one\n2,two\n").await;
    let image = harness.upload("dot.gif", DOT).await;
    let tar = harness.upload("empty.tar", [0; 1024]).await;
    let inputs: [(&str, Value, &[&str]); 9] = [
        ("checksum", json!({ "folder": "docs" }), &["Stage 2 of 3: Hash, 9 B", "Hash done: 9 B in "]),
        ("archive", json!({ "folder": "docs" }), &["Scan done: 2 files in ", "Stage 2 of 3: Pack, 9 B"]),
        (
            "import-csv",
            json!({ "file": csv, "table": "rows" }),
            &["Stage 2 of 3: Load, 2 rows", "Load done: 2 rows in "],
        ),
        ("sql-export", json!({ "query": "select * from rows" }), &[]),
        ("resize-images", json!({ "upload": image, "longest": 16 }), &["Stage 2 of 3: Resize, 1 images"]),
        ("unpack", json!({ "upload": tar }), &[]),
        ("check-links", json!({ "urls": "ftp://example.com" }), &["Stage 2 of 3: Check, 1 links"]),
        ("backup", json!({ "keep": 1 }), &[]),
        ("prune", json!({ "logs": 1 }), &["Stage 1 of 5: Jobs"]),
    ];
    for (kind, input, steps) in inputs {
        let ended = harness.succeed(kind, input).await;
        let lines = lines(&harness, ended.view.job).await;
        let position = |text: &str| lines.iter().position(|(_, line)| line.starts_with(text));
        assert_eq!(lines[0].1, format!("Started: {}", ended.view.title), "{kind}");
        assert!(lines.last().unwrap().1.starts_with("Succeeded in "), "{kind}: {lines:?}");
        let places: Vec<_> = steps.iter().map(|step| position(step)).collect();
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{kind}: {places:?} of {lines:?}");
    }
    assert_eq!(harness.engine.catalogue().len(), 10, "and the demo, in its own test");
}

#[tokio::test]
async fn failed_task_logs_its_error() {
    let harness = TaskHarness::open().await;
    let (job, _, message) = harness.fail("sql-export", json!({ "query": "select * from nothing" })).await;
    let lines = lines(&harness, job).await;
    assert_eq!(lines.last().unwrap(), &(Level::Error, format!("Failed: {message}")), "{lines:?}");
}

#[tokio::test]
async fn each_attempt_logs_its_start_and_end() {
    let harness = TaskHarness::open().await;
    let ended = harness.succeed("demo", json!({ "seconds": 0, "ending": "recover" })).await;
    let lines: Vec<String> = lines(&harness, ended.view.job).await.into_iter().map(|(_, line)| line).collect();
    let has = |text: &str| lines.iter().any(|line| line == text);
    assert!(has("Started: Demo of 0 s") && has("Failed, to be retried: demo failure"), "{lines:?}");
    assert!(has("Attempt 2 started: Demo of 0 s"), "{lines:?}");
}

/// A GIF of one pixel.
const DOT: [u8; 35] = [
    71, 73, 70, 56, 57, 97, 1, 0, 1, 0, 128, 0, 0, 0, 0, 0, 255, 255, 255, 44, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 68, 1,
    0, 59,
];
