//! Random lives of jobs, step by step beside a model that knows nothing but the table of states.

use std::collections::BTreeMap;

use engine::{
    Error,
    store::{CancelAnswer, Claimed, NewJob, Outcome, Store},
};
use model::{Counts, Event, JobId, JobState, Micros};
use proptest::{collection::vec, prelude::*, test_runner::Config};
use sqlx::{Connection, Row, SqliteConnection};

use super::{
    open,
    support::{Kept, boot, claim, failed, finish, new_job, succeeded},
};

const KINDS: [&str; 3] = ["a", "b", "c"];

/// What may happen next; a number picks the job.
#[derive(Clone, Debug)]
enum Step {
    Enqueue { kind: usize, later: bool, attempts: u32 },
    Claim { slots: u32 },
    Finish { held: usize, how: Event },
    Cancel { job: usize },
    Retry { job: usize },
    Delete { job: usize },
    Promote,
    Die,
}

/// What the model knows of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    state: JobState,
    attempt: u32,
    charged: u32,
    granted: u32,
    asked: bool,
    /// When it came into the line, by the world's own count.
    in_line: u32,
}

fn step() -> impl Strategy<Value = Step> {
    let how = prop::sample::select(vec![Event::Succeed, Event::Fail, Event::Cancel, Event::HandBack]);
    prop_oneof![
        4 => (0..3_usize, prop::bool::weighted(0.2), 1..3_u32)
            .prop_map(|(kind, later, attempts)| Step::Enqueue { kind, later, attempts }),
        3 => (1..4_u32).prop_map(|slots| Step::Claim { slots }),
        4 => (any::<usize>(), how).prop_map(|(held, how)| Step::Finish { held, how }),
        2 => any::<usize>().prop_map(|job| Step::Cancel { job }),
        2 => any::<usize>().prop_map(|job| Step::Retry { job }),
        1 => any::<usize>().prop_map(|job| Step::Delete { job }),
        1 => Just(Step::Promote),
        1 => Just(Step::Die),
    ]
}

proptest! {
    #![proptest_config(Config { cases: 16, failure_persistence: None, ..Config::default() })]

    #[test]
    fn whatever_happens_the_store_agrees_with_the_table_of_states(steps in vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("it starts");
        runtime.block_on(async {
            let mut world = World { kept: open().await, jobs: BTreeMap::new(), held: Vec::new(), steps: 0 };
            for step in steps {
                world.take(step).await;
            }
            world.compare().await;
        });
    }
}

/// The store and the model of it.
struct World {
    kept: Kept,
    jobs: BTreeMap<JobId, Known>,
    held: Vec<Claimed>,
    steps: u32,
}

impl World {
    /// Takes the step in both; they must agree on whether it is possible.
    async fn take(&mut self, step: Step) {
        let store = std::sync::Arc::clone(&self.kept.store);
        self.steps += 1;
        match step {
            Step::Enqueue { kind, later, attempts } => {
                let run_at = later.then_some(Micros(i64::MAX / 2));
                let job = NewJob { run_at, max_attempts: attempts, ..new_job(KINDS[kind]) };
                let id = store.enqueue(job).await.expect("accepted");
                let state = if later { JobState::Scheduled } else { JobState::Queued };
                let known =
                    Known { state, attempt: 1, charged: 0, granted: attempts, asked: false, in_line: self.steps };
                assert_eq!(self.jobs.insert(id, known), None, "a number is given once");
            }
            Step::Claim { slots } => {
                let claimed = store.claim(claim(slots, &KINDS)).await.expect("claimed");
                let mut line = self.all(JobState::Queued);
                line.sort_by_key(|job| self.jobs[job].in_line);
                let expected = &line[..line.len().min(slots as usize)];
                assert_eq!(claimed.iter().map(|claimed| claimed.view.job).collect::<Vec<_>>(), expected);
                for claimed in claimed {
                    self.apply(claimed.view.job, Event::Claim);
                    self.held.push(claimed);
                }
            }
            Step::Finish { held, how } => self.finish(&*store, held, how).await,
            Step::Cancel { job } => self.cancel(&*store, job).await,
            Step::Retry { job } => {
                let Some(job) = self.pick(job) else { return };
                let possible = self.jobs[&job].state.apply(Event::Retry).is_ok();
                assert_eq!(store.retry(job, "ann").await.is_ok(), possible);
                if possible {
                    self.apply(job, Event::Retry);
                }
            }
            Step::Delete { job } => {
                let Some(job) = self.pick(job) else { return };
                let possible = self.jobs[&job].state.is_terminal();
                assert_eq!(store.delete(job, "ann").await.is_ok(), possible);
                if possible {
                    self.jobs.remove(&job);
                }
            }
            Step::Promote => {
                store.promote_due(Micros(i64::MAX)).await.expect("promoted");
                for job in self.all(JobState::Scheduled) {
                    self.apply(job, Event::Due);
                }
            }
            Step::Die => {
                let settled = store.settle(&[boot('a')]).await.expect("settled");
                assert_eq!(settled, self.all(JobState::Running));
                for job in settled {
                    let known = self.jobs[&job];
                    if !known.asked && known.charged < known.granted {
                        // It comes back at once, to where it stood.
                        let stood = self.jobs[&job].in_line;
                        self.apply(job, Event::RetryLater);
                        self.apply(job, Event::Due);
                        self.jobs.entry(job).and_modify(|known| known.in_line = stood);
                    } else {
                        self.apply(job, Event::Die);
                    }
                }
            }
        }
    }

    /// By a worker that may have lost its job long ago.
    async fn finish(&mut self, store: &dyn Store, held: usize, how: Event) {
        if self.held.is_empty() {
            return;
        }
        let fence = self.held.swap_remove(held % self.held.len()).fence;
        let outcome = match how {
            Event::Succeed => succeeded(),
            Event::Fail => failed(),
            Event::HandBack => Outcome::HandedBack,
            _ => Outcome::Cancelled { failure: None, trace: String::new() },
        };
        let answer = store.finish(finish(&fence, outcome)).await;
        let current = self.jobs.get(&fence.job).copied();
        if let Some(known) = current.filter(|now| now.state == JobState::Running && now.attempt == fence.attempt) {
            answer.expect("its owner may end it");
            // A wish to cancel outruns every end but success.
            self.apply(fence.job, if known.asked && how != Event::Succeed { Event::Cancel } else { how });
        } else {
            assert!(matches!(answer, Err(Error::Fenced)));
        }
    }

    async fn cancel(&mut self, store: &dyn Store, job: usize) {
        let Some(job) = self.pick(job) else { return };
        let known = self.jobs[&job];
        let expected = match known.state {
            JobState::Running if known.asked => CancelAnswer::AlreadyRequested(known.attempt),
            JobState::Running => CancelAnswer::Requested(known.attempt),
            state if state.is_terminal() => CancelAnswer::AlreadyEnded(state),
            _ => CancelAnswer::Cancelled,
        };
        assert_eq!(store.request_cancel(job, "ann").await.expect("answered"), expected);
        match expected {
            CancelAnswer::Cancelled => self.apply(job, Event::Cancel),
            CancelAnswer::Requested(_) => {
                self.jobs.insert(job, Known { asked: true, ..known });
            }
            CancelAnswer::AlreadyRequested(_) | CancelAnswer::AlreadyEnded(_) => {}
        }
    }

    fn apply(&mut self, job: JobId, event: Event) {
        let known = self.jobs.get_mut(&job).expect("the model knows it");
        let from = known.state;
        known.state = from.apply(event).expect("the store did what the table forbids");
        known.charged = known.charged.saturating_add_signed(event.charge(from).into());
        if matches!(event, Event::Retry | Event::Due) {
            known.in_line = self.steps;
        }
        if event.starts_new_attempt(from) {
            known.attempt += 1;
            known.asked = false;
        }
    }

    fn pick(&self, job: usize) -> Option<JobId> {
        self.jobs.keys().nth(job.checked_rem(self.jobs.len())?).copied()
    }

    fn all(&self, state: JobState) -> Vec<JobId> {
        self.jobs.iter().filter(|(_, known)| known.state == state).map(|(id, _)| *id).collect()
    }

    /// Every job stands where the model has it, and every counter is what a recount finds.
    async fn compare(&self) {
        for (job, known) in &self.jobs {
            let view = self.kept.store.job(*job).await.expect("found");
            assert_eq!((view.state, view.attempt), (known.state, known.attempt), "{job}");
        }
        let counts = self.kept.store.counts().await.expect("read");
        for state in JobState::ALL {
            assert_eq!(counts.of(state), self.all(state).len() as u64, "{state}");
        }
        let last = self.kept.heard.events().last().cloned();
        if let Some(model::StreamEvent::State(state)) = last.as_ref().map(|event| &event.event) {
            assert_eq!(state.counts, Some(counts));
        }
        assert_eq!(recount(&self.kept).await, counts);
    }
}

/// Counts the rows themselves.
async fn recount(kept: &Kept) -> Counts {
    let url = format!("sqlite://{}", kept.folder.path().join("milepost.db").display());
    let mut connection = SqliteConnection::connect(&url).await.expect("it opens");
    let rows = sqlx::query("select state, count(*) from job group by state").fetch_all(&mut connection).await;
    let mut counts = serde_json::to_value(Counts::default()).expect("counts are JSON");
    for row in rows.expect("read") {
        counts[row.get::<String, _>(0)] = row.get::<i64, _>(1).into();
    }
    let integrity: String =
        sqlx::query_scalar("pragma integrity_check").fetch_one(&mut connection).await.expect("read");
    assert_eq!(integrity, "ok");
    serde_json::from_value(counts).expect("counts are JSON")
}
