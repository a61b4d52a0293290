//! The wall clock stamps what happens, and says when scheduled work is due. It decides nothing else.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use engine::{Clock, StartOptions, SystemClock};
use model::{JobId, JobState, Micros, Seq};
use serde_json::{Value, json};

use crate::support::{Bench, Gate, Probe};

const MINUTE: i64 = 60_000_000;

/// The machine's clock, put forward or back.
#[derive(Default)]
struct Jumping(AtomicI64);

impl Jumping {
    fn put_to(&self, offset: i64) {
        self.0.store(offset, Ordering::SeqCst);
    }
}

impl Clock for Jumping {
    fn now(&self) -> Micros {
        Micros(SystemClock.now().0 + self.0.load(Ordering::SeqCst))
    }
}

/// Starts a `probe-1` that is due so much later, on the engine's clock.
async fn start_later(bench: &Bench, later: i64) -> JobId {
    let run_at = Some(Micros(bench.engine.now().0 + later));
    let options = StartOptions { run_at, ..StartOptions::default() };
    bench.engine.start("probe-1", json!({}), options).await.expect("the input fits")
}

async fn states(bench: &Bench, jobs: &[JobId]) -> Vec<(JobState, u32)> {
    let mut states = Vec::new();
    for job in jobs {
        let view = bench.engine.job(*job).await.expect("kept");
        states.push((view.state, view.attempt));
    }
    states
}

#[tokio::test(flavor = "multi_thread")]
async fn clock_jump_changes_only_jobs_that_are_due() {
    let (clock, gate) = (Arc::new(Jumping::default()), Gate::new());
    let (given, step) = (Arc::clone(&clock), gate.clone());
    let bench = Bench::built(move |builder| {
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
    let over = bench.start().await;
    bench.reaches(over, JobState::Succeeded).await;
    let running = bench.start_kind("probe-0", "long").await;
    bench.reaches(running, JobState::Running).await;
    // There is one slot, which is taken: what comes into the line stays there.
    let queued = bench.start().await;
    let (soon, late) = (start_later(&bench, 30 * MINUTE).await, start_later(&bench, 120 * MINUTE).await);
    let others = [over, running, queued, late];
    let before = states(&bench, &others).await;

    for hours in [1, -1, 0] {
        clock.put_to(hours * 60 * MINUTE);
        // Once this one has come due, all that is due by the clock as it is now has been looked at.
        let told = start_later(&bench, 50_000).await;
        bench.reaches(told, JobState::Queued).await;
        // The first jump makes it due, and it stays so, whatever the clock says then.
        bench.reaches(soon, JobState::Queued).await;
        assert_eq!(bench.engine.job(soon).await.expect("kept").state, JobState::Queued, "{hours} h");
        assert_eq!(states(&bench, &others).await, before, "{hours} h");
    }

    let position = bench.engine.store().position().await.expect("read").seq;
    let events = bench.engine.store().events_after(Seq(0), 10_000).await.expect("read").expect("all are kept");
    assert!(
        events.iter().zip(1..).all(|(event, seq)| event.seq == Seq(seq)),
        "the order of events is not of the clock"
    );
    assert_eq!(events.len() as i64, position.0);
    gate.open();
    for job in [running, queued, soon] {
        bench.reaches(job, JobState::Succeeded).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attempt_never_ends_before_it_starts() {
    let (clock, gate) = (Arc::new(Jumping::default()), Gate::new());
    let (given, step) = (Arc::clone(&clock), gate.clone());
    let bench = Bench::built(move |builder| {
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
    let job = bench.start().await;
    bench.reaches(job, JobState::Running).await;
    clock.put_to(-60 * MINUTE);
    gate.open();
    let view = bench.reaches(job, JobState::Succeeded).await;
    assert!(view.started_at <= view.ended_at, "{view:?}");
}
