//! The log keeps order, and a flood does no harm.

use model::{JobState, Level};
use serde_json::Value;

use crate::support::{Bench, Event};

#[tokio::test(flavor = "multi_thread")]
async fn lines_come_in_order_numbered_without_holes() {
    let bench = Bench::with(|ctx, _| async move {
        for number in 0..500 {
            ctx.log(Level::Info, format!("line {number}"));
        }
        ctx.log(Level::Error, "two\nlines\r\n");
        Ok(Value::Null)
    })
    .await;
    let job = bench.start().await;
    bench.reaches(job, JobState::Succeeded).await;
    let log = bench.log(job).await;
    assert_eq!(log.len(), 503);
    assert!((0..500).all(|number| log[number] == format!("line {number}")));
    assert_eq!(log[500..], ["two", "lines", ""]);
    let mut next = 1;
    for event in bench.heard.all() {
        if let Event::Log(_, first, lines) = event {
            assert_eq!(first, next);
            next += lines.len() as u64;
        }
    }
    assert_eq!(next, 504);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_bounded_and_a_line_says_how_much_was_left_out() {
    let bench = Bench::with(|ctx, _| async move {
        for number in 0..1_000_000 {
            ctx.log(Level::Info, format!("line {number}"));
        }
        Ok(Value::Null)
    })
    .await;
    let job = bench.start().await;
    bench.reaches(job, JobState::Succeeded).await;
    let query = engine::store::LogQuery { limit: 10, ..Default::default() };
    let page = bench.engine.store().log(job, &query).await.expect("kept");
    assert!(page.total <= 200_100, "{} lines", page.total);
    let last = page.lines.last().map(|(_, line)| line.text.clone()).unwrap_or_default();
    assert!(last.contains("lines left out"), "{last}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_without_end_is_cut() {
    let bench = Bench::with(|ctx, _| async move {
        ctx.log(Level::Info, "é".repeat(1 << 20));
        Ok(Value::Null)
    })
    .await;
    let job = bench.start().await;
    bench.reaches(job, JobState::Succeeded).await;
    let log = bench.log(job).await;
    assert!(log[0].len() < 9_000 && log[0].ends_with('…'));
}
