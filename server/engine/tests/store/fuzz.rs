//! Fuzzing: random operations on the store, compared after every step with a model that consists of the table of
//! states. Three workers claim, report, save checkpoints and finish; they send heartbeats, or expire and register
//! again; they die and return with a new id. Users cancel, pause, resume, retry and delete. Writes with a stale fence
//! are rejected and change nothing.

#[path = "fuzz/state_model.rs"]
mod state_model;

use model::Event;
use proptest::{collection::vec, prelude::*, test_runner::Config};
use state_model::StoreModel;

const KINDS: [&str; 3] = ["a", "b", "c"];
const WORKERS: usize = 3;
/// Number of sequences; `PROPTEST_CASES` overrides it.
const CASES: u32 = 2_000;

/// An operation. A number picks the job, or a claim that a worker believes to hold. A control is that of a kind, or of
/// the queue of several kinds.
#[derive(Clone, Debug)]
enum Step {
    Enqueue { kind: usize, later: bool, attempts: u32, urgency: i64, unique: bool },
    Claim { process: usize, slots: u32 },
    Report { held: usize },
    Checkpoint { held: usize },
    Finish { held: usize, how: Event },
    NotResponding { held: usize },
    Cancel { job: usize },
    Retry { job: usize },
    StartNow { job: usize },
    Pause { job: usize },
    Resume { job: usize },
    Delete { job: usize },
    QueueControl { kind: Option<usize>, paused: bool },
    Limit { at_once: Option<u32> },
    Promote,
    Heartbeat { process: usize },
    Expire { process: usize, looked: bool },
    Die { process: usize },
}

/// One worker more often than the others, so that it claims jobs that it has lost.
fn process() -> impl Strategy<Value = usize> {
    prop_oneof![5 => Just(0), 3 => 0..WORKERS]
}

fn step() -> impl Strategy<Value = Step> {
    let how = prop::sample::select(vec![
        Event::Succeed,
        Event::Fail,
        Event::RetryLater,
        Event::Snooze,
        Event::Cancel,
        Event::Pause,
        Event::Release,
    ]);
    prop_oneof![
        6 => (0..KINDS.len(), prop::bool::weighted(0.1), 1..5_u32, -1..2_i64, prop::bool::weighted(0.2))
            .prop_map(|(kind, later, attempts, urgency, unique)| {
                Step::Enqueue { kind, later, attempts, urgency, unique }
            }),
        9 => (process(), 1..4_u32).prop_map(|(process, slots)| Step::Claim { process, slots }),
        3 => any::<usize>().prop_map(|held| Step::Report { held }),
        2 => any::<usize>().prop_map(|held| Step::Checkpoint { held }),
        5 => (any::<usize>(), how).prop_map(|(held, how)| Step::Finish { held, how }),
        1 => any::<usize>().prop_map(|held| Step::NotResponding { held }),
        2 => any::<usize>().prop_map(|job| Step::Cancel { job }),
        2 => any::<usize>().prop_map(|job| Step::Retry { job }),
        1 => any::<usize>().prop_map(|job| Step::StartNow { job }),
        2 => any::<usize>().prop_map(|job| Step::Pause { job }),
        2 => any::<usize>().prop_map(|job| Step::Resume { job }),
        1 => any::<usize>().prop_map(|job| Step::Delete { job }),
        1 => (prop::option::of(0..KINDS.len()), prop::bool::weighted(0.3))
            .prop_map(|(kind, paused)| Step::QueueControl { kind, paused }),
        1 => prop::option::of(1..4_u32).prop_map(|at_once| Step::Limit { at_once }),
        1 => Just(Step::Promote),
        4 => process().prop_map(|process| Step::Heartbeat { process }),
        2 => (process(), prop::bool::weighted(0.7)).prop_map(|(process, looked)| Step::Expire { process, looked }),
        1 => (0..WORKERS).prop_map(|process| Step::Die { process }),
    ]
}

fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(CASES)
}

proptest! {
    #![proptest_config(Config { cases: cases(), failure_persistence: None, ..Config::default() })]

    #[test]
    fn random_operations_match_the_state_model(steps in vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("it starts");
        runtime.block_on(async {
            let mut model = StoreModel::new().await;
            for step in steps {
                model.execute(step).await;
            }
            model.compare().await;
        });
    }
}
