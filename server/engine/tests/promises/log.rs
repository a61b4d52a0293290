//! Log: ordered, bounded, with control characters replaced.

use model::{AnsiStyles, JobState, Level};
use serde_json::Value;

use crate::support::{Event, TestEngine};

#[tokio::test(flavor = "multi_thread")]
async fn log_lines_are_numbered_without_gaps() {
    let test = TestEngine::with_task(|ctx, _| async move {
        for number in 0..500 {
            ctx.log(Level::Info, format!("line {number}"));
        }
        ctx.log(Level::Error, "two\nlines\r\n");
        Ok(Value::Null)
    })
    .await;
    let job = test.start().await;
    test.wait_for_state(job, JobState::Succeeded).await;
    let log = test.log(job).await;
    assert_eq!(log.len(), 503);
    assert!((0..500).all(|number| log[number] == format!("line {number}")));
    assert_eq!(log[500..], ["two", "lines", ""]);
    let mut next = 1;
    for event in test.recorder.all() {
        if let Event::Log(_, first, lines) = event {
            assert_eq!(first, next);
            next += lines.len() as u64;
        }
    }
    assert_eq!(next, 504);
}

#[tokio::test(flavor = "multi_thread")]
async fn log_flood_is_bounded_and_omission_is_logged() {
    let test = TestEngine::with_task(|ctx, _| async move {
        for number in 0..1_000_000 {
            ctx.log(Level::Info, format!("line {number}"));
        }
        Ok(Value::Null)
    })
    .await;
    let job = test.start().await;
    test.wait_for_state(job, JobState::Succeeded).await;
    let query = engine::store::LogQuery { limit: 10, ..Default::default() };
    let page = test.engine.store().log(job, &query).await.expect("kept");
    assert!(page.total <= 200_100, "{} lines", page.total);
    let last = page.lines.last().map(|(_, line)| line.text.clone()).unwrap_or_default();
    assert!(last.contains("lines left out"), "{last}");
}

#[tokio::test(flavor = "multi_thread")]
async fn long_log_line_is_truncated() {
    let test = TestEngine::with_task(|ctx, _| async move {
        ctx.log(Level::Info, "é".repeat(1 << 20));
        Ok(Value::Null)
    })
    .await;
    let job = test.start().await;
    test.wait_for_state(job, JobState::Succeeded).await;
    let log = test.log(job).await;
    assert!(log[0].len() < 9_000 && log[0].ends_with('…'));
}

#[tokio::test(flavor = "multi_thread")]
async fn log_line_control_characters_are_replaced() {
    let test = TestEngine::with_task(|ctx, _| async move {
        ctx.log(Level::Info, "\u{1b}[2Jcleared\rover\u{9b}31m");
        ctx.warn("turned \u{202e}round\u{2066}");
        ctx.log(Level::Info, "tab\there");
        let mut styles = AnsiStyles::default();
        styles.change(4, "1");
        ctx.log_styled(Level::Info, "\u{202e} red", styles);
        ctx.message("\u{1b}]0;title\u{7}");
        Err(engine::TaskError::fatal("odd", "no \u{1b}[31mcolour"))
    })
    .await;
    let job = test.start().await;
    test.wait_for_state(job, JobState::Failed).await;
    let log = test.log(job).await;
    assert_eq!(
        log[..4],
        ["\u{fffd}[2Jcleared\u{fffd}over\u{fffd}31m", "turned \u{fffd}round\u{fffd}", "tab\there", "\u{fffd} red"]
    );
    let query = engine::store::LogQuery { from: Some(4), limit: 1, ..Default::default() };
    let page = test.engine.store().log(job, &query).await.expect("kept");
    assert_eq!(page.lines[0].1.styles, AnsiStyles::from("4:1".to_owned()), "colours keep their places");
    let view = test.engine.job(job).await.expect("found");
    assert_eq!(view.failure.expect("it failed").message, "no \u{fffd}[31mcolour");
    assert!(!view.progress.message.contains('\u{1b}'), "{:?}", view.progress.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn log_line_styles_are_truncated_with_the_text() {
    let test = TestEngine::with_task(|ctx, _| async move {
        let mut styles = AnsiStyles::default();
        styles.change(1, "1");
        ctx.log_styled(Level::Info, "painted", styles.clone());
        ctx.log_styled(Level::Info, "two\nlines", styles.clone());
        ctx.log_styled(Level::Info, "a\0zero", styles.clone());
        ctx.log_styled(Level::Info, &"x".repeat(1 << 20), styles);
        Ok(Value::Null)
    })
    .await;
    let job = test.start().await;
    test.wait_for_state(job, JobState::Succeeded).await;
    let query = engine::store::LogQuery { from: Some(1), limit: 10, ..Default::default() };
    let page = test.engine.store().log(job, &query).await.expect("kept");
    let styled = |number: usize| page.lines[number].1.styles.clone();
    assert_eq!(styled(0), AnsiStyles::from("1:1".to_owned()));
    assert!((1..=3).all(|number| styled(number).is_plain()), "{:?}", page.lines);
    assert_eq!(styled(4), AnsiStyles::from("1:1 8192:".to_owned()));
}
