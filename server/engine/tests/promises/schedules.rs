//! Schedules: due runs start once, for any clock jump and any number of workers.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use engine::{
    Builder, Clock, Engine, Error, SystemClock,
    schedules::NewSchedule,
    store::{Missed, Overlap, Run, Schedule, ScheduleId, SkipReason, UserChange},
};
use model::{JobId, JobState, Micros, Priority, Role};
use serde_json::{Value, json};

use crate::support::{Latch, Probe, TIMEOUT, TestEngine};

const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3_600 * SECOND;

/// The system clock with an adjustable offset.
#[derive(Default)]
struct AdjustableClock(AtomicI64);

impl AdjustableClock {
    /// Sets the current time to `at`.
    fn set_offset(&self, at: Micros) {
        self.0.store(at.0 - SystemClock.now().0, Ordering::SeqCst);
    }
}

impl Clock for AdjustableClock {
    fn now(&self) -> Micros {
        Micros(SystemClock.now().0 + self.0.load(Ordering::SeqCst))
    }
}

/// An engine with its clock and the latch that its jobs wait for.
struct Plan {
    test: TestEngine,
    clock: Arc<AdjustableClock>,
    latch: Latch,
}

/// `probe-0` ends immediately, `probe-1` when it is released or stopped.
fn tasks(builder: Builder, latch: Latch) -> Builder {
    let waits = Probe::<1>::new(move |ctx, _| {
        let latch = latch.clone();
        async move {
            tokio::select! {
                () = latch.pass() => Ok(Value::Null),
                () = ctx.cancelled() => Err(engine::TaskError::Cancelled),
            }
        }
    });
    builder.register(Probe::<0>::new(|_, _| async { Ok(Value::Null) })).register(waits)
}

impl Plan {
    async fn new(build: impl FnOnce(Builder) -> Builder) -> Self {
        let (clock, latch) = (Arc::new(AdjustableClock::default()), Latch::new());
        let (given, step) = (Arc::clone(&clock), latch.clone());
        let test = TestEngine::build(move |builder| build(tasks(builder, step).clock(given))).await;
        Self { test, clock, latch }
    }

    fn engine(&self) -> &Engine {
        &self.test.engine
    }

    /// Adds an hourly schedule of `kind`.
    async fn hourly(&self, kind: &str, overlap: Overlap, missed: Missed) -> ScheduleId {
        let wish = NewSchedule { overlap, missed, ..wish(kind) };
        self.engine().add_schedule(wish, "ann".into()).await.expect("it can be planned")
    }

    async fn schedule(&self, id: ScheduleId) -> Schedule {
        self.engine().store().schedule(id).await.expect("found")
    }

    /// Sets the clock to the next run, or `hours` after it. Returns the time of the run.
    async fn comes_due(&self, id: ScheduleId, later: i64) -> Micros {
        let due = self.schedule(id).await.next_at.expect("there is a next run");
        let due = Micros(due.0 + later * HOUR);
        self.clock.set_offset(Micros(due.0 + SECOND));
        due
    }

    /// Waits until the runs are as expected, newest first: due time and result of each.
    async fn runs_are(&self, id: ScheduleId, fits: impl Fn(&[Run]) -> bool) -> Vec<Run> {
        let read = async || self.engine().store().runs(id, 100).await.expect("read");
        until(read, |runs| fits(runs)).await
    }

    async fn started(&self, id: ScheduleId, runs: usize) -> Vec<(Option<Micros>, JobId)> {
        let all = self.runs_are(id, |all| all.iter().filter_map(start).count() >= runs).await;
        // In the order of acceptance, not of the clock.
        let mut started: Vec<_> = all.iter().filter_map(start).collect();
        started.sort_unstable_by_key(|(_, job)| *job);
        started
    }
}

fn start(run: &Run) -> Option<(Option<Micros>, JobId)> {
    match run {
        Run::Started { due, job } => Some((*due, job.job)),
        Run::Skipped { .. } => None,
    }
}

fn left_out(runs: &[Run]) -> Vec<(SkipReason, u64)> {
    let skip = |run: &Run| match run {
        Run::Skipped { skip, .. } => Some((skip.why, skip.runs)),
        Run::Started { .. } => None,
    };
    runs.iter().filter_map(skip).collect()
}

fn wish(kind: &str) -> NewSchedule {
    NewSchedule {
        name: "Hourly".to_owned(),
        kind: kind.to_owned(),
        input: json!({ "name": "planned" }),
        priority: Priority::default(),
        expression: "0 * * * *".to_owned(),
        zone: "UTC".to_owned(),
        overlap: Overlap::Skip,
        missed: Missed::Skip,
    }
}

/// Polls until the result meets a condition.
async fn until<T>(ask: impl AsyncFn() -> T, fits: impl Fn(&T) -> bool) -> T
where
    T: std::fmt::Debug,
{
    let asked = tokio::time::timeout(TIMEOUT, async {
        loop {
            let answer = ask().await;
            if fits(&answer) {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    asked.await.expect("it comes to that")
}

#[tokio::test(flavor = "multi_thread")]
async fn due_run_starts_as_its_owner() {
    let plan = Plan::new(|builder| builder).await;
    let id = plan.hourly("probe-0", Overlap::Skip, Missed::Skip).await;
    let due = plan.comes_due(id, 0).await;
    let (at, job) = plan.started(id, 1).await[0];
    assert_eq!(at, Some(due));
    let view = plan.test.wait_for_state(job, JobState::Succeeded).await;
    assert_eq!((view.created_by.as_str(), view.title.as_str()), ("ann", "Probe planned"));
    assert_eq!(plan.schedule(id).await.next_at, Some(Micros(due.0 + HOUR)));
}

#[tokio::test(flavor = "multi_thread")]
async fn due_run_starts_once_with_many_workers() {
    let plan = Plan::new(|builder| builder).await;
    let other = tasks(Engine::builder(plan.test.folder.path().join("data")), Latch::new());
    let other = other.clock(Arc::clone(&plan.clock) as Arc<dyn Clock>).open().await.expect("it opens");
    let id = plan.hourly("probe-0", Overlap::Skip, Missed::Skip).await;
    let mut dues = Vec::new();
    for run in 1..=3 {
        dues.push(Some(plan.comes_due(id, 0).await));
        plan.started(id, run).await;
    }
    let started: Vec<_> = plan.started(id, 3).await.into_iter().map(|(due, _)| due).collect();
    assert_eq!(started, dues);
    other.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clock_jump_loses_and_doubles_no_run() {
    let plan = Plan::new(|builder| builder.concurrency(1)).await;
    let id = plan.hourly("probe-0", Overlap::Skip, Missed::All(3)).await;
    let first = plan.comes_due(id, 0).await;
    plan.started(id, 1).await;
    // Four hours later: the last of the four runs is on time and follows three missed ones.
    let last = plan.comes_due(id, 3).await;
    let started = plan.started(id, 5).await;
    let mut dues: Vec<_> = started.iter().filter_map(|(due, _)| *due).collect();
    dues.sort_unstable();
    assert_eq!(dues, (0..=4).map(|hours| Micros(first.0 + hours * HOUR)).collect::<Vec<_>>());
    // Back to before all of them and forward again: they do not run twice.
    plan.clock.set_offset(Micros(first.0 - HOUR));
    let by_hand = plan.engine().run_schedule(&plan.schedule(id).await, "ben".into()).await.expect("started");
    plan.test.wait_for_state(by_hand, JobState::Succeeded).await;
    plan.clock.set_offset(last);
    plan.comes_due(id, 0).await;
    let started = plan.started(id, 7).await;
    assert_eq!(started[5], (None, by_hand));
    assert_eq!(started[6].0, Some(Micros(last.0 + HOUR)));
    assert_eq!(started.len(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn missed_runs_are_skipped_or_run_once() {
    let plan = Plan::new(|builder| builder).await;
    let skip = plan.hourly("probe-0", Overlap::Skip, Missed::Skip).await;
    let once = plan.hourly("probe-0", Overlap::Skip, Missed::Once).await;
    let due = plan.schedule(skip).await.next_at.expect("there is one");
    // Half an hour after the third of them: none is on time.
    plan.clock.set_offset(Micros(due.0 + 2 * HOUR + HOUR / 2));
    let runs = plan.runs_are(skip, |runs| !runs.is_empty()).await;
    assert_eq!(left_out(&runs), [(SkipReason::Missed, 3)]);
    let runs = plan.runs_are(once, |runs| runs.len() == 2).await;
    assert_eq!(left_out(&runs), [(SkipReason::Missed, 2)]);
    assert_eq!(plan.started(once, 1).await[0].0, Some(Micros(due.0 + 2 * HOUR)));
    assert_eq!(plan.schedule(once).await.next_at, Some(Micros(due.0 + 3 * HOUR)));
}

#[tokio::test(flavor = "multi_thread")]
async fn overlapping_run_waits_for_the_previous_one() {
    let plan = Plan::new(|builder| builder).await;
    let id = plan.hourly("probe-1", Overlap::Queue, Missed::Skip).await;
    plan.comes_due(id, 0).await;
    let (_, first) = plan.started(id, 1).await[0];
    plan.test.wait_for_state(first, JobState::Running).await;
    let second = plan.comes_due(id, 0).await;
    until(async || plan.schedule(id).await, |schedule| schedule.waiting == 1).await;
    plan.latch.release_one();
    plan.test.wait_for_state(first, JobState::Succeeded).await;
    let started = plan.started(id, 2).await;
    assert_eq!(started[1].0, Some(second));
    plan.test.wait_for_state(started[1].1, JobState::Running).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_run_survives_a_restart() {
    let plan = Plan::new(|builder| builder).await;
    let id = plan.hourly("probe-1", Overlap::Queue, Missed::Skip).await;
    plan.comes_due(id, 0).await;
    plan.started(id, 1).await;
    let second = plan.comes_due(id, 0).await;
    until(async || plan.schedule(id).await, |schedule| schedule.waiting == 1).await;
    let Plan { test: TestEngine { engine, folder, .. }, clock, latch } = plan;
    engine.shutdown(Duration::ZERO).await;
    drop(engine);
    let (given, step) = (Arc::clone(&clock), latch.clone());
    let test = TestEngine::reopen(folder, move |builder| tasks(builder, step).clock(given)).await;
    let plan = Plan { test, clock, latch };
    plan.latch.release_one();
    assert_eq!(plan.started(id, 2).await[1].0, Some(second));
}

#[tokio::test(flavor = "multi_thread")]
async fn replacing_run_waits_until_previous_one_is_stopped() {
    let plan = Plan::new(|builder| builder).await;
    let id = plan.hourly("probe-1", Overlap::Cancel, Missed::Skip).await;
    plan.comes_due(id, 0).await;
    let (_, first) = plan.started(id, 1).await[0];
    plan.test.wait_for_state(first, JobState::Running).await;
    let due = plan.comes_due(id, 0).await;
    let (at, second) = plan.started(id, 2).await[1];
    assert_eq!(at, Some(due));
    let first = plan.test.wait_for_state(first, JobState::Cancelled).await;
    assert_eq!(first.cancel_requested_by.as_deref(), Some("schedule Hourly"));
    assert!(plan.engine().job(second).await.expect("found").created_at >= first.ended_at.expect("it is over"));
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_due_while_paused_are_skipped() {
    let plan = Plan::new(|builder| builder).await;
    let id = plan.hourly("probe-0", Overlap::Skip, Missed::All(100)).await;
    plan.engine().pause_schedule(id, &"ann".into()).await.expect("paused");
    let due = plan.comes_due(id, 5).await;
    plan.engine().resume_schedule(&plan.schedule(id).await, &"ann".into()).await.expect("resumed");
    assert_eq!(plan.schedule(id).await.next_at, Some(Micros(due.0 + HOUR)));
    plan.comes_due(id, 0).await;
    let started = plan.started(id, 1).await;
    assert_eq!(started.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [Some(Micros(due.0 + HOUR))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn schedule_is_paused_when_owner_loses_permission() {
    let plan = Plan::new(Builder::with_accounts).await;
    let store = Arc::clone(plan.engine().store());
    store.add_user("root", Role::Administrator, &"x".into()).await.expect("added");
    let ann = store.add_user("ann", Role::Operator, &"x".into()).await.expect("added");
    let id = plan.hourly("probe-0", Overlap::Skip, Missed::Skip).await;
    plan.comes_due(id, 0).await;
    plan.started(id, 1).await;
    store.change_user(ann, UserChange::Role(Role::Viewer), &"x".into()).await.expect("changed");
    plan.comes_due(id, 0).await;
    let stopped = until(async || plan.schedule(id).await, |schedule| schedule.paused.is_some()).await;
    let pause = stopped.paused.expect("it is paused");
    assert_eq!(pause.by, None);
    assert!(pause.why.contains("ann may no longer start this task"), "{}", pause.why);
    assert_eq!(plan.started(id, 1).await.len(), 1, "nothing was started");
    assert_refused(&plan, id, "its owner ann may no longer start this task").await;
}

/// Asserts that a schedule is not resumed for a reason.
async fn assert_refused(plan: &Plan, id: ScheduleId, reason: &str) {
    let refused = plan.engine().resume_schedule(&plan.schedule(id).await, &"root".into()).await;
    let Err(Error::Refused { code: "schedule_invalid", message }) = refused else { panic!("{refused:?}") };
    assert!(message.contains(reason) && message.ends_with("Edit the schedule, then resume it."), "{message}");
    assert!(plan.schedule(id).await.paused.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn schedule_is_paused_when_its_task_is_removed() {
    let plan = Plan::new(|builder| builder).await;
    let id = plan.hourly("probe-0", Overlap::Skip, Missed::Skip).await;
    let Plan { test: TestEngine { engine, folder, .. }, clock, latch } = plan;
    engine.shutdown(Duration::ZERO).await;
    drop(engine);
    let given = Arc::clone(&clock);
    let probe = Probe::<2>::new(|_, _| async { Ok(Value::Null) });
    let test = TestEngine::reopen(folder, move |builder| builder.register(probe).clock(given)).await;
    let plan = Plan { test, clock, latch };
    plan.comes_due(id, 0).await;
    let stopped = until(async || plan.schedule(id).await, |schedule| schedule.paused.is_some()).await;
    assert_eq!(stopped.paused.map(|pause| pause.why).as_deref(), Some("there is no task probe-0 any more"));
    assert_refused(&plan, id, "there is no task probe-0 any more").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn schedule_with_invalid_input_is_not_resumed() {
    let plan = Plan::new(|builder| builder).await;
    let id = plan.hourly("probe-0", Overlap::Skip, Missed::Skip).await;
    plan.engine().pause_schedule(id, &"ann".into()).await.expect("paused");
    plan.test.execute_sql("update schedule set input = '{\"name\": 1}'").await;
    assert_refused(&plan, id, "its input is no longer valid: name: ").await;
    let edited = plan.engine().change_schedule(&plan.schedule(id).await, wish("probe-0"), "ann".into()).await;
    edited.expect("the input is valid");
    plan.engine().resume_schedule(&plan.schedule(id).await, &"ann".into()).await.expect("resumed");
}

#[tokio::test(flavor = "multi_thread")]
async fn schedule_errors_are_reported_together_by_field() {
    let plan = Plan::new(|builder| builder).await;
    let wrong = NewSchedule {
        name: " ".to_owned(),
        input: json!({ "nam": 1 }),
        expression: "61 * * * *".to_owned(),
        missed: Missed::All(101),
        ..wish("probe-0")
    };
    let refused = plan.engine().add_schedule(wrong, "ann".into()).await;
    let Err(Error::InvalidInput(faults)) = refused else { panic!("it is refused: {refused:?}") };
    let fields: Vec<_> = faults.iter().map(|fault| fault.field.as_str()).collect();
    assert_eq!(fields, ["$name", "$most", "$expression", "nam"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn schedule_input_counts_against_the_quota() {
    let plan = Plan::new(|builder| builder.upload_quota(25_000)).await;
    let large = || NewSchedule { input: json!({ "name": "x".repeat(10_000) }), ..wish("probe-0") };
    let id = plan.engine().add_schedule(large(), "ann".into()).await.expect("within it");
    plan.comes_due(id, 0).await;
    plan.started(id, 1).await;
    let refused = plan.engine().add_schedule(large(), "ann".into()).await;
    assert!(matches!(refused, Err(Error::Quota { limit: 25_000, .. })), "{refused:?}");
    plan.comes_due(id, 0).await;
    let stopped = until(async || plan.schedule(id).await, |schedule| schedule.paused.is_some()).await;
    let why = stopped.paused.expect("it is paused").why;
    assert!(why.contains("uploads and inputs take"), "{why}");
    assert_eq!(plan.started(id, 1).await.len(), 1, "no second run was started");
}
