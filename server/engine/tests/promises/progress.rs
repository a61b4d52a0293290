//! Progress: conflated, monotonic, complete at the end.

use std::time::{Duration, Instant};

use model::{JobState, Tone};
use serde_json::{Value, json};

use crate::support::{Latch, Probe, TestEngine};

#[tokio::test(flavor = "multi_thread")]
async fn million_progress_updates_become_few_events() {
    let test = TestEngine::with_task(|ctx, _| async move {
        ctx.total(1_000_000, "rows");
        for _ in 0..1_000_000 {
            ctx.advance(1);
        }
        Ok(Value::Null)
    })
    .await;
    let job = test.start().await;
    let last = test.wait_for_state(job, JobState::Succeeded).await.progress;
    assert_eq!((last.value, last.max, last.unit.as_str()), (1_000_000, Some(1_000_000), "rows"));
    assert_eq!(last.fraction, Some(1.0));
    let frames = test.recorder.progress_of(job);
    assert!(frames.len() < 100, "{} frames for a loop of some milliseconds", frames.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_events_are_at_most_ten_a_second() {
    let test = TestEngine::with_task(|ctx, _| async move {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(3) {
            ctx.advance(1);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(Value::Null)
    })
    .await;
    let job = test.start().await;
    test.wait_for_state(job, JobState::Succeeded).await;
    let times: Vec<_> = test.recorder.progress_of(job).iter().filter_map(|event| event.progress.at).collect();
    let seconds = times[times.len() - 1].seconds_since(times[0]);
    assert!(seconds > 2.0, "published for {seconds} s only");
    let rate = (times.len() - 1) as f64 / seconds;
    // One sample may be late and the next on time; a busy machine skips some.
    assert!((5.0..=10.5).contains(&rate), "{rate} times a second");
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_of_many_threads_is_summed() {
    let test = TestEngine::with_task(|ctx, _| async move {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let ctx = ctx.clone();
                std::thread::spawn(move || (0..100_000).for_each(|_| ctx.advance(1)))
            })
            .collect();
        for thread in threads {
            thread.join().expect("no panic");
        }
        Ok(Value::Null)
    })
    .await;
    let job = test.start().await;
    assert_eq!(test.wait_for_state(job, JobState::Succeeded).await.progress.value, 800_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn fraction_never_falls_and_is_1_only_at_the_end() {
    let latch = Latch::new();
    let step = latch.clone();
    let test = TestEngine::with_task(move |ctx, _| {
        let step = step.clone();
        async move {
            ctx.total(10, "files");
            ctx.set(10);
            step.pass().await;
            // The total grows.
            ctx.total(100, "files");
            ctx.set(11);
            step.pass().await;
            ctx.set(5);
            ctx.message("going back");
            step.pass().await;
            Ok(Value::Null)
        }
    })
    .await;
    let job = test.start().await;
    for value in [10, 11, 5] {
        test.recorder.wait_for_progress(job, |event| event.progress.value == value).await;
        latch.release_one();
    }
    let end = test.wait_for_state(job, JobState::Succeeded).await;
    let mut fractions: Vec<_> = test.recorder.progress_of(job).iter().map(|event| event.progress.fraction).collect();
    assert!(fractions.iter().all(|fraction| fraction.is_none_or(|fraction| fraction < 1.0)), "{fractions:?}");
    fractions.push(end.progress.fraction);
    assert!(fractions.is_sorted(), "{fractions:?}");
    assert_eq!(end.progress.fraction, Some(1.0));
    assert_eq!(end.progress.value, 5, "the value itself is what the task says");
}

#[tokio::test(flavor = "multi_thread")]
async fn fraction_without_total_is_none_until_success() {
    let latch = Latch::new();
    let step = latch.clone();
    let test = TestEngine::with_task(move |ctx, _| {
        let step = step.clone();
        async move {
            ctx.unit("rows");
            ctx.advance(7);
            step.pass().await;
            Ok(Value::Null)
        }
    })
    .await;
    let job = test.start().await;
    let frame = test.recorder.wait_for_progress(job, |event| event.progress.value == 7).await.progress;
    assert_eq!((frame.fraction, frame.max, frame.eta), (None, None, None));
    latch.open();
    assert_eq!(test.wait_for_state(job, JobState::Succeeded).await.progress.fraction, Some(1.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_job_keeps_its_last_progress() {
    let test = TestEngine::with_task(|ctx, _| async move {
        ctx.total(4, "files");
        ctx.advance(1);
        Err(engine::TaskError::fatal("broken", "it broke"))
    })
    .await;
    let job = test.start().await;
    assert_eq!(test.wait_for_state(job, JobState::Failed).await.progress.fraction, Some(0.25));
}

#[tokio::test(flavor = "multi_thread")]
async fn stages_are_weighted_and_count_separately() {
    let latch = Latch::new();
    let step = latch.clone();
    let test = TestEngine::build(|builder| {
        builder.register(Probe::<2>::new(move |ctx, _| {
            let step = step.clone();
            async move {
                ctx.stage(0);
                ctx.total(2, "files");
                ctx.advance(1);
                step.pass().await;
                ctx.stage(1);
                ctx.total(300, "B");
                ctx.advance(100);
                step.pass().await;
                ctx.stage(0);
                Ok(Value::Null)
            }
        }))
    })
    .await;
    let job = test.start_kind("probe-2", "").await;
    let one = test.recorder.wait_for_progress(job, |event| event.progress.max == Some(2)).await.progress;
    assert_eq!(one.stage.as_ref().map(|stage| (stage.index, stage.count, stage.name.as_str())), Some((0, 2, "One")));
    assert_eq!(one.stage.map(|stage| stage.starts), Some(vec![0.0, 0.25]));
    assert_eq!(one.fraction, Some(0.125));
    latch.release_one();
    let two = test.recorder.wait_for_progress(job, |event| event.progress.max == Some(300)).await.progress;
    assert_eq!((two.value, two.unit.as_str(), two.fraction), (100, "B", Some(0.5)));
    let early = test.engine.detail(job).await.expect("it is there").stage_seconds;
    let later = test.engine.detail(job).await.expect("it is there").stage_seconds;
    assert!(early[0] > 0.0 && early[0].to_bits() == later[0].to_bits(), "a stage that was left takes no more time");
    assert!(early[1] < later[1], "the one at work does");
    latch.release_one();
    let end = test.wait_for_state(job, JobState::Succeeded).await.progress;
    assert_eq!(end.stage.map(|stage| stage.index), Some(1), "a stage that was left is not entered again");
}

#[tokio::test(flavor = "multi_thread")]
async fn message_data_and_warnings_are_published() {
    let test = TestEngine::with_task(|ctx, _| async move {
        ctx.message_toned(Tone::Warning, "slow disk");
        ctx.warn("a.txt cannot be read");
        ctx.warn("b.txt cannot be read");
        ctx.data(&json!({ "seen": 3 }))?;
        let refused = ctx.data(&"x".repeat(9_000)).expect_err("too large").to_string();
        Ok(json!(refused))
    })
    .await;
    let job = test.start().await;
    let end = test.wait_for_state(job, JobState::Succeeded).await.progress;
    assert_eq!((end.message.as_str(), end.tone, end.warnings), ("slow disk", Tone::Warning, 2));
    assert_eq!(end.data, Some(json!({ "seen": 3 })));
    assert_eq!(test.log(job).await, ["a.txt cannot be read", "b.txt cannot be read"]);
    let output = test.engine.store().detail(job).await.expect("it is there").output;
    assert!(output.is_some_and(|output| output.to_string().contains("8192 are allowed")));
}

#[tokio::test(flavor = "multi_thread")]
async fn ended_attempt_publishes_one_final_event() {
    let test = TestEngine::with_task(|ctx, _| async move {
        let straggler = ctx.clone();
        std::thread::spawn(move || {
            for _ in 0..2_000_000 {
                straggler.advance(1);
            }
            straggler.log(model::Level::Info, "too late");
        });
        Ok(Value::Null)
    })
    .await;
    let job = test.start().await;
    test.wait_for_state(job, JobState::Succeeded).await;
    // Runs another job, so that the sampler has run in between.
    let second = test.start().await;
    test.wait_for_state(second, JobState::Succeeded).await;
    let events = test.recorder.all();
    let of_job: Vec<_> = events.iter().filter(|event| event_job(event) == job).collect();
    let ends =
        of_job.iter().filter(|event| matches!(event, crate::support::Event::State(view) if view.state.is_terminal()));
    assert_eq!(ends.count(), 1);
    assert!(matches!(of_job.last(), Some(crate::support::Event::State(view)) if view.state.is_terminal()));
}

#[tokio::test(flavor = "multi_thread")]
async fn job_view_includes_unsaved_progress() {
    let latch = Latch::new();
    let step = latch.clone();
    let test = TestEngine::with_task(move |ctx, _| {
        let step = step.clone();
        async move {
            ctx.total(10, "files");
            ctx.advance(3);
            step.pass().await;
            Ok(Value::Null)
        }
    })
    .await;
    let job = test.start().await;
    let published = test.recorder.wait_for_progress(job, |event| event.progress.value == 3).await.progress;
    let mut view = test.engine.store().job(job).await.expect("it is there");
    view.progress = model::Progress::default();
    test.engine.freshen(std::slice::from_mut(&mut view));
    assert_eq!(view.progress, published);
    latch.open();
    test.wait_for_state(job, JobState::Succeeded).await;
}

fn event_job(event: &crate::support::Event) -> model::JobId {
    match event {
        crate::support::Event::State(view) => view.job,
        crate::support::Event::Log(job, ..) => *job,
        crate::support::Event::Progress(progress) => progress.job,
    }
}
