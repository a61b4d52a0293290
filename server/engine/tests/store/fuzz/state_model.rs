//! Model of the store, compared with the store after every step.

#[path = "workers.rs"]
mod workers;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use engine::{
    Clock, Error,
    store::{CancelOutcome, CheckpointOutcome, Claim, Claimed, ControlChange, NewJob, Outcome, PauseOutcome, Store},
};
use model::{ControlTarget, Counts, Event, JobId, JobState, Micros, Priority, Seq, StateEvent, StreamEvent};
use rusqlite::Connection;
use workers::ModelWorker;

use super::{KINDS, Step, WORKERS};
use crate::{
    open_prepared,
    support::{TestStore, checkpoint, claim, claimable, failed, finish, lines, new_job, progress, succeeded},
};

/// A kind and its concurrency limit across workers.
const LIMITED: (&str, u32) = ("b", 2);
/// The queue of two kinds; the third kind has another queue.
const QUEUE: &str = "several";
/// A time that is due only after `Promote`.
const FAR_AHEAD: Micros = Micros(i64::MAX / 2);

fn queue(kind: &str) -> &'static str {
    if kind == "c" { "other" } else { QUEUE }
}

/// A job in the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ModelJob {
    kind: &'static str,
    state: JobState,
    attempt: u32,
    charged: u32,
    max_attempts: u32,
    /// Whether it has a unique key of its kind.
    unique: bool,
    /// Whether cancel and pause were requested in this attempt.
    cancel_requested: bool,
    pause_requested: bool,
    urgency: i64,
    /// The step in which it was queued.
    queued_in_step: u32,
    lines: u64,
    /// Progress of this attempt, or of the checkpoint it resumes from.
    value: u64,
    /// The attempt that saved the checkpoint.
    checkpoint: Option<u32>,
}

/// A claim that some worker believes to hold.
struct HeldClaim {
    claimed: Claimed,
    next_line: u64,
    value: u64,
}

/// The store and its model.
pub(super) struct StoreModel {
    test: TestStore,
    jobs: BTreeMap<JobId, ModelJob>,
    held: Vec<HeldClaim>,
    /// Paused kinds; `None` is the queue.
    paused: BTreeSet<Option<&'static str>>,
    /// The limit of the queue.
    at_once: Option<u32>,
    workers: [ModelWorker; WORKERS],
    steps: u32,
}

impl StoreModel {
    pub(super) async fn new() -> Self {
        let workers = std::array::from_fn(|process| ModelWorker::new(process, 0));
        let (paused, at_once) = (BTreeSet::new(), None);
        let test = open_prepared().await;
        for process in &workers {
            process.register(&*test.store).await;
        }
        Self { test, jobs: BTreeMap::new(), held: Vec::new(), paused, at_once, workers, steps: 0 }
    }

    /// Executes a step in both; they must agree on whether it is allowed.
    pub(super) async fn execute(&mut self, step: Step) {
        let store = Arc::clone(&self.test.store);
        self.steps += 1;
        match step {
            Step::Enqueue { kind, later, attempts, urgency, unique } => {
                let run_at = later.then_some(FAR_AHEAD);
                let priority = Priority::new(urgency).expect("there is one");
                let unique_key = unique.then(|| "only".to_owned());
                let job = NewJob { run_at, priority, unique_key, max_attempts: attempts, ..new_job(KINDS[kind]) };
                let (rival, before) = (self.rival(KINDS[kind], unique), self.position().await);
                let id = store.enqueue(job).await.expect("accepted");
                if let Some(rival) = rival {
                    assert_eq!((id, self.position().await), (rival, before), "the one there is, untouched");
                    return;
                }
                let known = ModelJob {
                    kind: KINDS[kind],
                    state: if later { JobState::Scheduled } else { JobState::Queued },
                    attempt: 1,
                    charged: 0,
                    max_attempts: attempts,
                    unique,
                    cancel_requested: false,
                    pause_requested: false,
                    urgency,
                    queued_in_step: self.steps,
                    lines: 0,
                    value: 0,
                    checkpoint: None,
                };
                assert_eq!(self.jobs.insert(id, known), None, "a number is given once");
            }
            Step::Claim { process, slots } => self.claim(&*store, process, slots).await,
            Step::Report { held } => self.report(&*store, held).await,
            Step::Checkpoint { held } => self.checkpoint(&*store, held).await,
            Step::Finish { held, how } => self.finish(&*store, held, how).await,
            Step::NotResponding { held } => {
                let Some(held) = held.checked_rem(self.held.len()) else { return };
                let fence = self.held[held].claimed.fence.clone();
                let before = self.position().await;
                if self.is_valid(&self.held[held]) {
                    store.mark_not_responding(fence).await.expect("its owner may say so");
                } else {
                    let refused = store.mark_not_responding(fence).await;
                    assert!(matches!(refused, Err(Error::Fenced | Error::NoSuchJob(_))), "{refused:?}");
                    assert_eq!(self.position().await, before, "a refusal changes nothing");
                }
            }
            Step::Cancel { job } => self.cancel(&*store, job).await,
            Step::Retry { job } => {
                let Some(job) = self.pick(job) else { return };
                let ModelJob { state, kind, unique, .. } = self.jobs[&job];
                let possible = state.apply(Event::Retry).is_ok() && self.rival(kind, unique).is_none();
                assert_eq!(store.retry(job, &"ann".into()).await.is_ok(), possible);
                if possible {
                    self.apply(job, Event::Retry);
                }
            }
            Step::StartNow { job } => {
                let Some(job) = self.pick(job) else { return };
                let possible = self.jobs[&job].state.apply(Event::Due).is_ok();
                assert_eq!(store.start_now(job, &"ann".into()).await.is_ok(), possible);
                if possible {
                    self.apply(job, Event::Due);
                }
            }
            Step::Pause { job } => self.pause(&*store, job).await,
            Step::Resume { job } => self.resume(&*store, job).await,
            Step::Delete { job } => {
                let Some(job) = self.pick(job) else { return };
                let possible = self.jobs[&job].state.is_terminal();
                assert_eq!(store.delete(job, &"ann".into()).await.is_ok(), possible);
                if possible {
                    self.jobs.remove(&job);
                }
            }
            Step::QueueControl { kind, paused } => self.control(&*store, kind.map(|kind| KINDS[kind]), paused).await,
            Step::Limit { at_once } => {
                let change = ControlChange::Limit(at_once);
                store.change_control(ControlTarget::Queue, QUEUE, change, &"ann".into()).await.expect("changed");
                self.at_once = at_once;
            }
            Step::Promote => {
                store.promote_due(Micros(i64::MAX)).await.expect("promoted");
                for job in self.all(JobState::Scheduled) {
                    self.apply(job, Event::Due);
                }
            }
            Step::Heartbeat { process } => self.heartbeat(&*store, process).await,
            Step::Expire { process, looked } => self.expire(&*store, process, looked).await,
            Step::Die { process } => self.die(&*store, process).await,
        }
    }

    /// Pauses or resumes a kind, or the queue.
    async fn control(&mut self, store: &dyn Store, kind: Option<&'static str>, paused: bool) {
        let (of, name) = kind.map_or((ControlTarget::Queue, QUEUE), |kind| (ControlTarget::Kind, kind));
        let change = if paused { ControlChange::Pause } else { ControlChange::Resume };
        store.change_control(of, name, change, &"ann".into()).await.expect("changed");
        if paused {
            self.paused.insert(kind);
        } else {
            self.paused.remove(&kind);
        }
    }

    /// Claims the first jobs of the queue within the slots and limits, skipping paused ones; none for a removed worker.
    async fn claim(&mut self, store: &dyn Store, process: usize, asked_for: u32) {
        let slots = if self.workers[process].is_alive() { asked_for } else { 0 };
        let worker = self.workers[process].worker();
        let limit = |kind| (kind == LIMITED.0).then_some(LIMITED.1);
        let kinds = KINDS.map(|kind| claimable(kind, queue(kind), limit(kind))).into();
        let claimed = store.claim(Claim { worker, kinds, ..claim(asked_for, &[]) }).await.expect("claimed");
        let mut line = self.all(JobState::Queued);
        line.sort_by_key(|job| (Reverse(self.jobs[job].urgency), self.jobs[job].queued_in_step, *job));
        let mut running: Vec<&str> = self.all(JobState::Running).iter().map(|job| self.jobs[job].kind).collect();
        line.retain(|job| {
            let kind = self.jobs[job].kind;
            let of_kind = running.iter().filter(|other| **other == kind).count() as u32;
            let of_queue = running.iter().filter(|other| queue(other) == queue(kind)).count() as u32;
            let paused = self.paused.contains(&Some(kind)) || queue(kind) == QUEUE && self.paused.contains(&None);
            let fits = !paused
                && (kind != LIMITED.0 || of_kind < LIMITED.1)
                && (queue(kind) != QUEUE || self.at_once.is_none_or(|limit| of_queue < limit));
            if fits {
                running.push(kind);
            }
            fits
        });
        let expected = &line[..line.len().min(slots as usize)];
        assert_eq!(claimed.iter().map(|claimed| claimed.view.job).collect::<Vec<_>>(), expected);
        for claimed in claimed {
            let job = claimed.view.job;
            self.apply(job, Event::Claim);
            assert_eq!(
                (claimed.fence.attempt, claimed.next_line, claimed.charged),
                (self.jobs[&job].attempt, self.jobs[&job].lines + 1, self.jobs[&job].charged)
            );
            self.held.push(HeldClaim { next_line: claimed.next_line, value: 0, claimed });
        }
    }

    /// Writes two log lines and progress, by a worker that may have lost the job.
    async fn report(&mut self, store: &dyn Store, held: usize) {
        let Some(held) = held.checked_rem(self.held.len()) else { return };
        let valid = self.is_valid(&self.held[held]);
        let before = self.position().await;
        let held = &mut self.held[held];
        let fence = &held.claimed.fence;
        store.append_logs(vec![lines(fence, held.next_line, &["one", "two"])]);
        (held.next_line, held.value) = (held.next_line + 2, held.value + 1);
        store.save_progress(vec![(fence.clone(), progress(held.value, held.value))]);
        store.flush().await.expect("written");
        if valid {
            let known = self.jobs.get_mut(&fence.job).expect("it is in the model");
            (known.lines, known.value) = (known.lines + 2, held.value);
        } else {
            assert_eq!(self.position().await, before, "a fenced worker changes nothing");
        }
    }

    /// By a worker that may have lost the job.
    async fn checkpoint(&mut self, store: &dyn Store, held: usize) {
        let Some(held) = held.checked_rem(self.held.len()) else { return };
        let (valid, fence) = (self.is_valid(&self.held[held]), self.held[held].claimed.fence.clone());
        let answer = store.save_checkpoint(checkpoint(&fence, "7", 0)).await;
        if valid {
            let known = self.known(fence.job);
            known.checkpoint = Some(fence.attempt);
            let expected = if known.pause_requested && !known.cancel_requested {
                CheckpointOutcome::Pause
            } else {
                CheckpointOutcome::Continue
            };
            assert_eq!(answer.expect("its owner may make one"), expected);
        } else {
            assert!(matches!(answer, Err(Error::Fenced | Error::NoSuchJob(_))), "{answer:?}");
        }
    }

    /// By a worker that may have lost the job.
    async fn finish(&mut self, store: &dyn Store, held: usize, how: Event) {
        let Some(held) = held.checked_rem(self.held.len()) else { return };
        let held = self.held.swap_remove(held);
        let (valid, fence) = (self.is_valid(&held), held.claimed.fence);
        let outcome = match how {
            Event::Succeed => succeeded(),
            Event::Fail => failed(),
            Event::RetryLater => {
                let Outcome::Failed { failure, trace } = failed() else { unreachable!("it has failed") };
                Outcome::RetryLater { failure, trace, at: FAR_AHEAD }
            }
            Event::Pause => Outcome::Paused,
            Event::Snooze => Outcome::Snoozed { until: FAR_AHEAD },
            Event::Release => Outcome::Released,
            _ => Outcome::Cancelled { failure: None, trace: String::new() },
        };
        let before = self.position().await;
        let mut end = finish(&fence, outcome);
        end.progress = progress(held.value + 1, held.value + 1);
        end.log = Some(lines(&fence, held.next_line, &["the end"]));
        end.checkpointed = true;
        let answer = store.finish(end).await;
        if valid {
            answer.expect("its owner may end it");
            let known = self.known(fence.job);
            (known.lines, known.value) = (known.lines + 1, held.value + 1);
            // A cancel request overrides every end but success, a pause request the wait for the next attempt. A
            // withdrawn pause request has no effect.
            let events = match how {
                Event::Succeed => vec![how],
                _ if known.cancel_requested => vec![Event::Cancel],
                Event::RetryLater | Event::Snooze | Event::Release if known.pause_requested => vec![how, Event::Pause],
                Event::Pause if !known.pause_requested => vec![Event::Release],
                _ => vec![how],
            };
            for event in events {
                self.apply(fence.job, event);
            }
        } else {
            assert!(matches!(answer, Err(Error::Fenced | Error::NoSuchJob(_))), "{answer:?}");
            assert_eq!(self.position().await, before, "a refusal changes nothing");
        }
    }

    async fn cancel(&mut self, store: &dyn Store, job: usize) {
        let Some(job) = self.pick(job) else { return };
        let known = self.jobs[&job];
        let expected = match known.state {
            JobState::Running if known.cancel_requested => CancelOutcome::AlreadyRequested(known.attempt),
            JobState::Running => CancelOutcome::Requested(known.attempt),
            state if state.is_terminal() => CancelOutcome::AlreadyEnded(state),
            _ => CancelOutcome::Cancelled,
        };
        assert_eq!(store.request_cancel(job, &"ann".into()).await.expect("answered"), expected);
        match expected {
            CancelOutcome::Cancelled => self.apply(job, Event::Cancel),
            CancelOutcome::Requested(_) => {
                self.jobs.insert(job, ModelJob { cancel_requested: true, ..known });
            }
            CancelOutcome::AlreadyRequested(_) | CancelOutcome::AlreadyEnded(_) => {}
        }
    }

    async fn pause(&mut self, store: &dyn Store, job: usize) {
        let Some(job) = self.pick(job) else { return };
        let ModelJob { state, cancel_requested, pause_requested, .. } = self.jobs[&job];
        let expected = match state.apply(Event::Pause) {
            Ok(_) if state != JobState::Running => Some(PauseOutcome::Paused),
            Ok(_) if !cancel_requested && !pause_requested => Some(PauseOutcome::Requested),
            Ok(_) | Err(_) => None,
        };
        assert_eq!(store.pause(job, &"ann".into()).await.ok(), expected);
        match expected {
            Some(PauseOutcome::Paused) => self.apply(job, Event::Pause),
            Some(PauseOutcome::Requested) => self.known(job).pause_requested = true,
            None => {}
        }
    }

    async fn resume(&mut self, store: &dyn Store, job: usize) {
        let Some(job) = self.pick(job) else { return };
        let ModelJob { state, pause_requested, .. } = self.jobs[&job];
        let possible = state.apply(Event::Resume).is_ok();
        let found = store.job(job).await.expect("found");
        let waits = found.failure.is_none() && found.run_at.is_some_and(|at| at > self.test.clock.now());
        assert_eq!(store.resume(job, &"ann".into()).await.is_ok(), possible || pause_requested);
        if possible {
            self.apply(job, if waits { Event::ResumeLater } else { Event::Resume });
        } else if pause_requested {
            self.known(job).pause_requested = false;
        }
    }

    /// Whether the claim still holds the job.
    fn is_valid(&self, held: &HeldClaim) -> bool {
        let fence = &held.claimed.fence;
        let known = self.jobs.get(&fence.job);
        known.is_some_and(|known| known.state == JobState::Running && known.attempt == fence.attempt)
    }

    fn apply(&mut self, job: JobId, event: Event) {
        let steps = self.steps;
        let known = self.known(job);
        let from = known.state;
        known.state = from.apply(event).expect("the store did what the table forbids");
        known.charged = known.charged.saturating_add_signed(event.charge(from).into());
        known.pause_requested = false;
        if event == Event::Succeed {
            known.checkpoint = None;
        }
        if matches!(event, Event::Retry | Event::Due | Event::Resume) {
            known.queued_in_step = steps;
        }
        if event.starts_new_attempt(from) {
            known.attempt += 1;
            known.cancel_requested = false;
            if known.checkpoint.is_none() {
                known.value = 0;
            }
        }
    }

    /// Returns the unfinished unique job of that kind.
    fn rival(&self, kind: &str, unique: bool) -> Option<JobId> {
        let rivals = |known: &ModelJob| unique && known.unique && known.kind == kind && !known.state.is_terminal();
        self.jobs.iter().find(|(_, known)| rivals(known)).map(|(id, _)| *id)
    }

    fn known(&mut self, job: JobId) -> &mut ModelJob {
        self.jobs.get_mut(&job).expect("it is in the model")
    }

    async fn position(&self) -> Seq {
        self.test.store.position().await.expect("read").seq
    }

    fn pick(&self, job: usize) -> Option<JobId> {
        self.jobs.keys().nth(job.checked_rem(self.jobs.len())?).copied()
    }

    fn all(&self, state: JobState) -> Vec<JobId> {
        self.jobs.iter().filter(|(_, known)| known.state == state).map(|(id, _)| *id).collect()
    }

    /// Compares jobs, counters and events of the store with the model.
    pub(super) async fn compare(&self) {
        let store = &self.test.store;
        let events = self.test.recorder.events();
        assert!(events.iter().zip(1..).all(|(event, seq)| event.seq == Seq(seq)), "no hole and no repeat");
        let mut published: BTreeMap<JobId, &StateEvent> = BTreeMap::new();
        for event in &events {
            if let StreamEvent::State(state) = &event.event {
                published.insert(state.view.job, state);
            }
        }
        published.retain(|_, state| state.code.as_deref() != Some("deleted"));
        assert!(published.keys().eq(self.jobs.keys()), "the jobs with events");
        for (job, known) in &self.jobs {
            let detail = store.detail(*job).await.expect("found");
            let view = &detail.view;
            assert_eq!((view.state, view.attempt), (known.state, known.attempt), "{job}");
            assert_eq!(
                (published[job].view.state, published[job].view.attempt),
                (known.state, known.attempt),
                "{job} in the events"
            );
            assert_eq!((detail.log_lines, view.progress.value), (known.lines, known.value), "{job}");
            let checkpoint = store.checkpoint(*job).await.expect("read");
            assert_eq!(checkpoint.map(|kept| kept.attempt), known.checkpoint, "{job}");
        }
        let counts = store.counts().await.expect("read");
        for state in JobState::ALL {
            assert_eq!(counts.of(state), self.all(state).len() as u64, "{state}");
        }
        let last = events.iter().rev().find_map(|event| match &event.event {
            StreamEvent::State(state) => Some(state.counts),
            _ => None,
        });
        assert!(last.is_none_or(|published| published == Some(counts)));
        assert_eq!(recount(&self.test), counts);
        self.compare_workers().await;
    }
}

/// Counts the rows of the table.
fn recount(test: &TestStore) -> Counts {
    let connection = Connection::open(test.folder.path().join("milepost.db")).expect("it opens");
    let mut statement = connection.prepare("select state, count(*) from job group by state").expect("it is one");
    let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))).expect("read");
    let mut counts = serde_json::to_value(Counts::default()).expect("counts are JSON");
    for (state, count) in rows.map(|row| row.expect("read")) {
        counts[state] = count.into();
    }
    let integrity: String = connection.query_row("pragma integrity_check", [], |row| row.get(0)).expect("read");
    assert_eq!(integrity, "ok");
    serde_json::from_value(counts).expect("counts are JSON")
}
