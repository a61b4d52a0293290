//! Several processes on one data directory: jobs run in any of them, and every process receives every event once.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

use engine::{
    Builder, DurableEvent, Engine, Error, Hold, Listener, StartOptions, TaskError,
    store::{ControlChange, Node, Role},
};
use model::{ControlTarget, JobId, JobState, Level, ProgressEvent, StreamEvent};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::{
    recovery::die_while_running,
    support::{Latch, Probe, TIMEOUT, TestEngine, wait_until},
};

/// Sequence number, job and state of an event.
type ObservedEvent = (i64, Option<JobId>, Option<JobState>);

/// Records all events in order.
#[derive(Default)]
struct EventOrder {
    events: Mutex<Vec<ObservedEvent>>,
    more: Notify,
}

impl Listener for EventOrder {
    fn durable(&self, events: &[Arc<DurableEvent>]) {
        let observed = events.iter().map(|event| {
            let state = match &event.event {
                StreamEvent::State(state) => Some(state.view.state),
                _ => None,
            };
            (event.seq.0, event.job, state)
        });
        self.events.lock().unwrap_or_else(PoisonError::into_inner).extend(observed);
        self.more.notify_waiters();
    }

    fn progress(&self, _: &[Arc<ProgressEvent>]) {}
}

impl EventOrder {
    fn all(&self) -> Vec<ObservedEvent> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn wait_for_events(&self, what: impl Fn(&[ObservedEvent]) -> bool) {
        let found = async {
            loop {
                let mut more = std::pin::pin!(self.more.notified());
                more.as_mut().enable();
                if what(&self.all()) {
                    return;
                }
                more.await;
            }
        };
        assert!(tokio::time::timeout(TIMEOUT, found).await.is_ok(), "the events did not come: {:?}", self.all());
    }
}

/// Returns an engine on the data of `test` that shares nothing with it but the files, like a second process.
async fn join_engine(test: &TestEngine, build: impl FnOnce(Builder) -> Builder) -> Engine {
    let builder = Engine::builder(test.folder.path().join("data")).joining().cancel_grace(Duration::from_millis(50));
    build(builder).open().await.expect("it joins")
}

/// Returns an engine that accepts `probe-0` and runs no jobs.
async fn engine_without_slots() -> TestEngine {
    TestEngine::build(|builder| builder.concurrency(0).register(Probe::<0>::new(|_, _| async { Ok(Value::Null) })))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn job_runs_in_another_process_and_events_reach_both() {
    let test = engine_without_slots().await;
    let latch = Latch::new();
    let step = latch.clone();
    let worker = join_engine(&test, |builder| {
        builder.concurrency(3).register(Probe::<0>::new(move |ctx, _| {
            let step = step.clone();
            async move {
                ctx.total(10, "files");
                ctx.advance(4);
                ctx.log(Level::Info, "half way");
                step.pass().await;
                Ok(json!(42))
            }
        }))
    })
    .await;
    let job = test.start().await;
    test.wait_for_state(job, JobState::Running).await;
    test.recorder.wait_for_progress(job, |event| event.progress.value == 4).await;
    latch.open();
    let end = test.wait_for_state(job, JobState::Succeeded).await;
    assert_eq!(end.progress.fraction, Some(1.0));
    assert!(test.log(job).await.contains(&"half way".to_owned()));
    assert_eq!(test.engine.store().detail(job).await.expect("kept").output, Some(json!(42)));
    assert_eq!(worker.job(job).await.expect("the same store").state, JobState::Succeeded);
}

#[tokio::test(flavor = "multi_thread")]
async fn cancel_reaches_the_worker_of_the_job() {
    let test = engine_without_slots().await;
    let _worker = join_engine(&test, |builder| {
        builder.register(Probe::<0>::new(|ctx, _| async move {
            ctx.cancelled().await;
            Err(TaskError::Cancelled)
        }))
    })
    .await;
    let job = test.start().await;
    test.wait_for_state(job, JobState::Running).await;
    test.engine.cancel(job, "ann").await.expect("known");
    let end = test.wait_for_state(job, JobState::Cancelled).await;
    assert_eq!(end.cancel_requested_by.as_deref(), Some("ann"));
}

#[tokio::test(flavor = "multi_thread")]
async fn kind_limit_applies_across_workers() {
    let (at_once, most) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let probe = || {
        let (at_once, most) = (Arc::clone(&at_once), Arc::clone(&most));
        // The limit of this kind is 2.
        Probe::<3>::new(move |_, _| {
            let (at_once, most) = (Arc::clone(&at_once), Arc::clone(&most));
            async move {
                most.fetch_max(at_once.fetch_add(1, SeqCst) + 1, SeqCst);
                tokio::task::yield_now().await;
                at_once.fetch_sub(1, SeqCst);
                Ok(Value::Null)
            }
        })
    };
    let test = TestEngine::build(|builder| builder.register(probe())).await;
    let _worker = join_engine(&test, |builder| builder.register(probe())).await;
    let mut jobs = Vec::new();
    for _ in 0..50 {
        jobs.push(test.start_kind("probe-3", "").await);
    }
    for job in jobs {
        test.wait_for_state(job, JobState::Succeeded).await;
    }
    assert!((1..=2).contains(&most.load(SeqCst)), "{most:?} at once");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_process_receives_all_events_in_order() {
    let (first, second) = (Arc::<EventOrder>::default(), Arc::<EventOrder>::default());
    let probe = || {
        Probe::<0>::new(|ctx, _| async move {
            ctx.log(Level::Info, "a line");
            Ok(Value::Null)
        })
    };
    let test =
        TestEngine::build(|builder| builder.register(probe()).listener(Arc::clone(&first) as Arc<dyn Listener>)).await;
    let worker =
        join_engine(&test, |builder| builder.register(probe()).listener(Arc::clone(&second) as Arc<dyn Listener>))
            .await;
    let both = [test.engine.clone(), worker];
    let mut starts = tokio::task::JoinSet::new();
    for number in 0..300 {
        let engine = both[number % 2].clone();
        starts.spawn(async move { engine.start("probe-0", json!({}), StartOptions::default()).await });
    }
    for started in starts.join_all().await {
        started.expect("accepted");
    }
    let ended = |events: &[ObservedEvent]| {
        events.iter().filter(|(_, _, state)| *state == Some(JobState::Succeeded)).count() == 300
    };
    first.wait_for_events(ended).await;
    second.wait_for_events(ended).await;
    for events in [first.all(), second.all()] {
        let numbers: Vec<i64> = events.iter().map(|(seq, ..)| *seq).collect();
        let begin = numbers[0];
        assert_eq!(numbers, (begin..begin + numbers.len() as i64).collect::<Vec<_>>());
    }
    assert_eq!(first.all(), second.all());
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_of_dead_worker_are_settled_by_others() {
    let test = engine_without_slots().await;
    let job = die_while_running(test.folder.path()).await;
    let view = test.wait_for_state(job, JobState::Interrupted).await;
    assert_eq!(view.progress.value, 4, "what it reported is kept");
    let gone = async {
        while test.engine.store().nodes().await.expect("read").len() > 1 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(TIMEOUT, gone).await.expect("only the living are registered");
}

#[tokio::test(flavor = "multi_thread")]
async fn worker_past_its_lease_stops_its_lost_jobs() {
    let test = engine_without_slots().await;
    let latch = Latch::new();
    let (step, stopped) = (latch.clone(), Arc::new(Notify::new()));
    let sender = Arc::clone(&stopped);
    let worker = join_engine(&test, |builder| {
        // It sends a heartbeat at its start, and the next one only after its lease has expired.
        builder.lease(Duration::from_secs(3), Duration::from_secs(9)).register(Probe::<0>::new(move |ctx, _| {
            let (step, sender) = (step.clone(), Arc::clone(&sender));
            async move {
                if ctx.attempt() > 1 {
                    return Ok(Value::Null);
                }
                ctx.cancelled().await;
                sender.notify_one();
                step.pass().await;
                Ok(json!("too late"))
            }
        }))
    })
    .await;
    let job = test.start().await;
    test.wait_for_state(job, JobState::Running).await;
    assert_eq!(test.execute_sql("update node set lease = 500000 where role = 'worker'").await, 1);
    test.wait_for_state(job, JobState::Interrupted).await;
    tokio::time::timeout(TIMEOUT, stopped.notified()).await.expect("the resumed process stops its task");
    latch.open();
    assert_eq!(test.engine.retry(job, "ann").await.expect("it was interrupted"), 2);
    // In the same process, which is alive again.
    test.wait_for_state(job, JobState::Succeeded).await;
    worker.shutdown(TIMEOUT).await;
    let attempts = test.engine.store().attempts(job).await.expect("kept");
    let ends: Vec<_> = attempts.iter().map(|attempt| (attempt.attempt, attempt.state)).collect();
    assert_eq!(ends, [(2, JobState::Succeeded), (1, JobState::Interrupted)], "what came too late changed nothing");
    assert_eq!(test.engine.store().detail(job).await.expect("kept").output, Some(Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn worker_stops_lost_jobs_after_it_is_alive_again() {
    let test = engine_without_slots().await;
    let stopped = Arc::new(Notify::new());
    let sender = Arc::clone(&stopped);
    let worker = join_engine(&test, |builder| {
        builder.lease(Duration::from_millis(300), TIMEOUT).register(Probe::<0>::new(move |ctx, _| {
            let sender = Arc::clone(&sender);
            async move {
                if ctx.attempt() > 1 {
                    return Ok(Value::Null);
                }
                ctx.cancelled().await;
                sender.notify_one();
                Err(TaskError::Cancelled)
            }
        }))
    })
    .await;
    let job = test.start().await;
    test.wait_for_state(job, JobState::Running).await;
    // As after a suspension in which it lost the job: it has registered again but could not read its losses, or had not
    // started the job yet, and its heartbeats succeed.
    let store = test.engine.store();
    let of_worker = |node: &Node| node.role == Role::Worker;
    let node = store.nodes().await.expect("read").into_iter().find(of_worker).expect("it is registered");
    assert_eq!(store.settle(std::slice::from_ref(&node.worker)).await.expect("settled"), [job]);
    store.register(node).await.expect("registered");
    tokio::time::timeout(TIMEOUT, stopped.notified()).await.expect("the process stops its task");
    assert_eq!(test.engine.retry(job, "ann").await.expect("it was interrupted"), 2);
    test.wait_for_state(job, JobState::Succeeded).await;
    worker.shutdown(TIMEOUT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_that_cannot_write_stay_alive_to_each_other() {
    const LEASE: Duration = Duration::from_millis(1_500);
    let latch = Latch::new();
    let holding = |builder: Builder| {
        let step = latch.clone();
        let probe = Probe::<0>::new(move |_, _| {
            let step = step.clone();
            async move {
                step.pass().await;
                Ok(Value::Null)
            }
        });
        builder.concurrency(1).lease(Duration::from_millis(200), LEASE).register(probe)
    };
    let test = TestEngine::build(holding).await;
    let _worker = join_engine(&test, holding).await;
    let jobs = [test.start().await, test.start().await];
    for job in jobs {
        test.wait_for_state(job, JobState::Running).await;
    }
    let store = test.engine.store();
    assert_eq!(store.workers_with_jobs().await.expect("read").len(), 2, "each runs one");
    let beats = async || {
        let nodes = store.nodes().await.expect("read");
        nodes.into_iter().map(|node| (node.worker, node.heartbeat)).collect::<BTreeMap<_, _>>()
    };
    test.block_heartbeats().await;
    let last = beats().await;
    tokio::time::sleep(2 * LEASE).await;
    assert_eq!(beats().await, last, "no heartbeat succeeded, and both are registered");
    test.unblock_heartbeats().await;
    let again = async {
        while beats().await.values().zip(last.values()).any(|(now, then)| now < &(then + 2)) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(TIMEOUT, again).await.expect("both beat again");
    assert_eq!(
        beats().await.into_keys().collect::<Vec<_>>(),
        last.into_keys().collect::<Vec<_>>(),
        "both are registered"
    );
    latch.open();
    for job in jobs {
        test.wait_for_attempt_state(job, JobState::Succeeded, 1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_worker_releases_jobs_and_unregisters() {
    let test = engine_without_slots().await;
    let worker = join_engine(&test, |builder| {
        builder.concurrency(3).register(Probe::<0>::new(|ctx, _| async move {
            ctx.cancelled().await;
            Err(TaskError::Cancelled)
        }))
    })
    .await;
    let slots = async {
        while test.engine.concurrency() != 3 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(TIMEOUT, slots).await.expect("the slots of all processes are counted");
    let job = test.start().await;
    test.wait_for_state(job, JobState::Running).await;
    worker.shutdown(Duration::ZERO).await;
    assert_eq!(test.engine.job(job).await.expect("kept").state, JobState::Queued);
    assert_eq!(test.engine.store().nodes().await.expect("read").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn queue_control_applies_to_every_worker() {
    let test = engine_without_slots().await;
    let (latch, most, now) = (Latch::new(), Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let mut workers = Vec::new();
    for _ in 0..2 {
        let (step, most, now) = (latch.clone(), Arc::clone(&most), Arc::clone(&now));
        let probe = Probe::<0>::new(move |_, _| {
            let (step, most, now) = (step.clone(), Arc::clone(&most), Arc::clone(&now));
            async move {
                most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
                step.pass().await;
                now.fetch_sub(1, SeqCst);
                Ok(Value::Null)
            }
        });
        workers.push(join_engine(&test, |builder| builder.concurrency(2).register(probe)).await);
    }
    let change = |change| test.engine.change_control(ControlTarget::Queue, "default", change, "ann");
    change(ControlChange::Pause).await.expect("paused");
    change(ControlChange::Limit(Some(3))).await.expect("limited");
    let mut jobs = Vec::new();
    for _ in 0..8 {
        jobs.push(test.start().await);
    }
    let open = test.engine.store().counts().await.expect("read");
    assert_eq!((open.queued, open.running), (8, 0), "none is claimed");
    change(ControlChange::Resume).await.expect("resumed");
    // Claimed jobs are running before their task is.
    wait_until("three tasks run", || now.load(SeqCst) >= 3).await;
    latch.open();
    for job in jobs {
        test.wait_for_state(job, JobState::Succeeded).await;
    }
    assert_eq!(most.load(SeqCst), 3, "three at once, of four slots in two processes");
    for worker in workers {
        worker.shutdown(TIMEOUT).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn worker_neither_creates_nor_migrates_database() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    let refused = Engine::builder(&data).joining().open().await.map(|_| ()).expect_err("there is nothing to join");
    assert!(matches!(refused, Error::NotReady(_)), "{refused}");
    assert!(!data.exists());
    std::fs::create_dir(&data).expect("made");
    let refused = Engine::builder(&data).joining().open().await.map(|_| ()).expect_err("there is no database");
    assert!(matches!(refused, Error::NotReady(_)), "{refused}");
    assert!(!data.join("milepost.db").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn lease_under_three_heartbeats_is_rejected() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let builder = Engine::builder(folder.path()).lease(Duration::from_secs(10), Duration::from_secs(29));
    assert!(matches!(builder.open().await.map(|_| ()), Err(Error::Unusable(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn kind_without_live_worker_is_not_offered() {
    fn probe<const N: usize>() -> Probe<N> {
        Probe::new(|_, _| async { Ok(Value::Null) })
    }
    let lease = (Duration::from_millis(100), TIMEOUT);
    let test = TestEngine::build(|builder| {
        builder.concurrency(0).lease(lease.0, lease.1).register(probe::<0>()).register(probe::<1>())
    });
    let test = test.await;
    let hold = async |kind: &str| test.engine.hold(kind).await.expect("read");
    let slots = async |wanted| {
        let settled = async {
            while test.engine.concurrency() != wanted {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(TIMEOUT, settled).await.expect("the processes are seen");
    };
    assert_eq!(hold("probe-1").await, Some(Hold::NoWorkers));
    let worker = join_engine(&test, |builder| builder.concurrency(1).register(probe::<0>())).await;
    slots(1).await;
    assert_eq!(hold("probe-0").await, None);
    assert_eq!(hold("probe-1").await, Some(Hold::NotOffered));
    assert_eq!(hold("removed").await, Some(Hold::NotOffered));
    let other = join_engine(&test, |builder| builder.concurrency(2).register(probe::<1>())).await;
    slots(3).await;
    assert_eq!(hold("probe-1").await, None);
    other.shutdown(Duration::ZERO).await;
    drop(other);
    slots(1).await;
    assert_eq!(hold("probe-1").await, Some(Hold::NotOffered));
    worker.shutdown(Duration::ZERO).await;
    drop(worker);
    slots(0).await;
    assert_eq!(hold("probe-0").await, Some(Hold::NoWorkers));
}
