//! Random lives of jobs, step by step beside a model that knows nothing but the table of states: three processes claim,
//! report, make checkpoints and end; they beat, or are silent until another takes them out, and enter themselves anew; they
//! die and come back under a new name. Meanwhile people cancel, pause, resume, retry and delete. Whoever writes with a stale
//! fence is refused, and has changed nothing.

#[path = "chance/world.rs"]
mod world;

use model::Event;
use proptest::{collection::vec, prelude::*, test_runner::Config};
use world::World;

const KINDS: [&str; 3] = ["a", "b", "c"];
const PROCESSES: usize = 3;
/// Sequences of steps; `PROPTEST_CASES` asks for more.
const CASES: u32 = 2_000;

/// What may happen next; a number picks the job, or the claim that a process believes in. A gate is that of a kind, or of
/// the queue of several.
#[derive(Clone, Debug)]
enum Step {
    Enqueue { kind: usize, later: bool, attempts: u32, urgency: i64, unique: bool },
    Claim { process: usize, slots: u32 },
    Say { held: usize },
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
    Beat { process: usize },
    Expire { process: usize, looked: bool },
    Die { process: usize },
}

/// One of them more often than the others, so that it takes again what it has lost.
fn process() -> impl Strategy<Value = usize> {
    prop_oneof![5 => Just(0), 3 => 0..PROCESSES]
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
        3 => any::<usize>().prop_map(|held| Step::Say { held }),
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
        4 => process().prop_map(|process| Step::Beat { process }),
        2 => (process(), prop::bool::weighted(0.7)).prop_map(|(process, looked)| Step::Expire { process, looked }),
        1 => (0..PROCESSES).prop_map(|process| Step::Die { process }),
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
            let mut world = World::new().await;
            for step in steps {
                world.take(step).await;
            }
            world.compare().await;
        });
    }
}
