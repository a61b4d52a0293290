//! The log keeps order, and a flood does no harm.

use model::{JobState, Level, Paint};
use serde_json::Value;

use crate::support::{Bench, Event};

#[tokio::test(flavor = "multi_thread")]
async fn log_lines_are_numbered_without_gaps() {
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
async fn log_flood_is_bounded_and_omission_is_logged() {
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
async fn long_log_line_is_truncated() {
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

#[tokio::test(flavor = "multi_thread")]
async fn log_line_control_characters_are_replaced() {
    let bench = Bench::with(|ctx, _| async move {
        ctx.log(Level::Info, "\u{1b}[2Jcleared\rover\u{9b}31m");
        ctx.warn("turned \u{202e}round\u{2066}");
        ctx.log(Level::Info, "tab\there");
        let mut paint = Paint::default();
        paint.change(4, "1");
        ctx.log_painted(Level::Info, "\u{202e} red", paint);
        ctx.message("\u{1b}]0;title\u{7}");
        Err(engine::TaskError::fatal("odd", "no \u{1b}[31mcolour"))
    })
    .await;
    let job = bench.start().await;
    bench.reaches(job, JobState::Failed).await;
    let log = bench.log(job).await;
    assert_eq!(
        log[..4],
        ["\u{fffd}[2Jcleared\u{fffd}over\u{fffd}31m", "turned \u{fffd}round\u{fffd}", "tab\there", "\u{fffd} red"]
    );
    let query = engine::store::LogQuery { from: Some(4), limit: 1, ..Default::default() };
    let page = bench.engine.store().log(job, &query).await.expect("kept");
    assert_eq!(page.lines[0].1.paint, Paint::from("4:1".to_owned()), "colours keep their places");
    let view = bench.engine.job(job).await.expect("found");
    assert_eq!(view.failure.expect("it failed").message, "no \u{fffd}[31mcolour");
    assert!(!view.progress.message.contains('\u{1b}'), "{:?}", view.progress.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn log_line_styles_are_truncated_with_the_text() {
    let bench = Bench::with(|ctx, _| async move {
        let mut paint = Paint::default();
        paint.change(1, "1");
        ctx.log_painted(Level::Info, "painted", paint.clone());
        ctx.log_painted(Level::Info, "two\nlines", paint.clone());
        ctx.log_painted(Level::Info, "a\0zero", paint.clone());
        ctx.log_painted(Level::Info, &"x".repeat(1 << 20), paint);
        Ok(Value::Null)
    })
    .await;
    let job = bench.start().await;
    bench.reaches(job, JobState::Succeeded).await;
    let query = engine::store::LogQuery { from: Some(1), limit: 10, ..Default::default() };
    let page = bench.engine.store().log(job, &query).await.expect("kept");
    let painted = |number: usize| page.lines[number].1.paint.clone();
    assert_eq!(painted(0), Paint::from("1:1".to_owned()));
    assert!((1..=3).all(|number| painted(number).is_plain()), "{:?}", page.lines);
    assert_eq!(painted(4), Paint::from("1:1 8192:".to_owned()));
}
