//! Clock: it only timestamps events and decides when scheduled jobs are due.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use engine::{Clock, StartOptions, SystemClock};
use model::{JobId, JobState, Micros, Seq};
use serde_json::{Value, json};

use crate::support::{Latch, Probe, TestEngine};

const MINUTE: i64 = 60_000_000;

/// The system clock with an adjustable offset.
#[derive(Default)]
struct AdjustableClock(AtomicI64);

impl AdjustableClock {
    fn set_offset(&self, offset: i64) {
        self.0.store(offset, Ordering::SeqCst);
    }
}

impl Clock for AdjustableClock {
    fn now(&self) -> Micros {
        Micros(SystemClock.now().0 + self.0.load(Ordering::SeqCst))
    }
}

/// Starts a `probe-1` that is due `later` microseconds from now on the engine's clock.
async fn start_later(test: &TestEngine, later: i64) -> JobId {
    let run_at = Some(Micros(test.engine.now().0 + later));
    let options = StartOptions { run_at, ..StartOptions::default() };
    test.engine.start("probe-1", json!({}), options).await.expect("the input fits")
}

async fn states(test: &TestEngine, jobs: &[JobId]) -> Vec<(JobState, u32)> {
    let mut states = Vec::new();
    for job in jobs {
        let view = test.engine.job(*job).await.expect("kept");
        states.push((view.state, view.attempt));
    }
    states
}

#[tokio::test(flavor = "multi_thread")]
async fn clock_jump_changes_only_jobs_that_are_due() {
    let (clock, latch) = (Arc::new(AdjustableClock::default()), Latch::new());
    let (given, step) = (Arc::clone(&clock), latch.clone());
    let test = TestEngine::build(move |builder| {
        let probe = Probe::<0>::new(move |_, input| {
            let step = step.clone();
            async move {
                if input.name == "long" {
                    step.pass().await;
                }
                Ok(Value::Null)
            }
        });
        builder.register(probe).register(Probe::<1>::new(|_, _| async { Ok(Value::Null) })).concurrency(1).clock(given)
    })
    .await;
    let over = test.start().await;
    test.wait_for_state(over, JobState::Succeeded).await;
    let running = test.start_kind("probe-0", "long").await;
    test.wait_for_state(running, JobState::Running).await;
    // The only slot is taken, so queued jobs stay queued.
    let queued = test.start().await;
    let (soon, late) = (start_later(&test, 30 * MINUTE).await, start_later(&test, 120 * MINUTE).await);
    let others = [over, running, queued, late];
    let before = states(&test, &others).await;

    for hours in [1, -1, 0] {
        clock.set_offset(hours * 60 * MINUTE);
        // Once this job is queued, all jobs due at the current time have been checked.
        let marker = start_later(&test, 50_000).await;
        test.wait_for_state(marker, JobState::Queued).await;
        // The first jump makes it due, and later jumps do not undo that.
        test.wait_for_state(soon, JobState::Queued).await;
        assert_eq!(test.engine.job(soon).await.expect("kept").state, JobState::Queued, "{hours} h");
        assert_eq!(states(&test, &others).await, before, "{hours} h");
    }

    let position = test.engine.store().position().await.expect("read").seq;
    let events = test.engine.store().events_after(Seq(0), 10_000).await.expect("read").expect("all are kept");
    assert!(
        events.iter().zip(1..).all(|(event, seq)| event.seq == Seq(seq)),
        "the order of events is not of the clock"
    );
    assert_eq!(events.len() as i64, position.0);
    latch.open();
    for job in [running, queued, soon] {
        test.wait_for_state(job, JobState::Succeeded).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attempt_never_ends_before_it_starts() {
    let (clock, latch) = (Arc::new(AdjustableClock::default()), Latch::new());
    let (given, step) = (Arc::clone(&clock), latch.clone());
    let test = TestEngine::build(move |builder| {
        let probe = Probe::<0>::new(move |_, _| {
            let step = step.clone();
            async move {
                step.pass().await;
                Ok(Value::Null)
            }
        });
        builder.register(probe).clock(given)
    })
    .await;
    let job = test.start().await;
    test.wait_for_state(job, JobState::Running).await;
    clock.set_offset(-60 * MINUTE);
    latch.open();
    let view = test.wait_for_state(job, JobState::Succeeded).await;
    assert!(view.started_at <= view.ended_at, "{view:?}");
}
