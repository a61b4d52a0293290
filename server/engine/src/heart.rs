//! Shows the others that this process lives, and looks whether they do.
//!
//! Both are done by a thread of their own, so that no task can hold them up. A process counts as dead when its lock can
//! be taken (at once, see `node_lock`), or when its heart has not beaten for its whole lease while this process was
//! watching. Nobody's time of day plays a part.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering},
    thread,
    time::{Duration, Instant},
};

use tokio::{
    runtime,
    time::{MissedTickBehavior, interval},
};

use crate::{
    DataDir, Error, Result,
    attempt::Attempt,
    cancel,
    node_lock::{self, LockState},
    shared::Shared,
    store::{BootId, Node, Store},
};

/// Between two looks at the others, at most: a process that dies on this host is noticed within this.
const LOOK: Duration = Duration::from_secs(1);
/// Looks in a lease, at least.
const LOOKS_PER_LEASE: u32 = 6;
/// Between two looks for processes that hold jobs without being registered: their row was lost, or never there.
const LOOK_FOR_STRAYS: Duration = Duration::from_secs(10);

/// Starts the thread. It ends when `closed` is raised: it beats on while the last attempts end.
pub(crate) fn start(shared: &Arc<Shared>) -> Result<()> {
    let unusable = |error| Error::of_io("starting the engine's heart", error);
    let runtime = runtime::Builder::new_current_thread().enable_time().build().map_err(unusable)?;
    let shared = Arc::clone(shared);
    let work = async move {
        let mut others = Others::default();
        let pause = LOOK.min(shared.node.lease / LOOKS_PER_LEASE);
        let [mut beats, mut looks, mut strays] = [shared.heartbeat, pause, LOOK_FOR_STRAYS].map(|period| {
            let mut ticks = interval(period);
            // What was missed in a sleep is not made up for.
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks
        });
        loop {
            tokio::select! {
                biased;
                () = shared.closed.raised() => return,
                _ = beats.tick() => beat(&shared).await,
                _ = strays.tick() => warn(settle_strays(shared.store.as_ref(), &shared.data, &shared.node.boot).await),
                _ = looks.tick() => warn(look(&shared, &mut others, pause).await),
            }
        }
    };
    thread::Builder::new().name("heart".to_owned()).spawn(move || runtime.block_on(work)).map_err(unusable)?;
    Ok(())
}

/// Beats once. A process that has been silent for longer than its lease (stopped, or starved) may find that the others
/// have taken its jobs: it lets go of them and is as good as new. It keeps its name, because no attempt that it has lost
/// can be mistaken for one that it will be given.
async fn beat(shared: &Shared) {
    let store = &shared.store;
    let lost = async {
        if store.beat(&shared.node.boot).await? || shared.closed.is_raised() {
            return Ok(Vec::new());
        }
        tracing::warn!("this process was silent for so long that the others have taken its jobs");
        // What is claimed from here on is not among them.
        let before = shared.live.all();
        store.register(shared.node.clone()).await?;
        let held = store.held(&shared.node.boot).await?;
        let is_lost = |attempt: &Arc<Attempt>| !held.contains(&(attempt.fence.job, attempt.fence.attempt));
        Ok(before.into_iter().filter(is_lost).collect())
    };
    match lost.await {
        Ok(lost) => lost.into_iter().for_each(cancel::take_away),
        Err::<_, Error>(error) => tracing::warn!(%error, "cannot show that this process lives; trying again"),
    }
}

fn warn(outcome: Result<()>) {
    if let Err(error) = outcome {
        tracing::warn!(%error, "cannot settle the jobs of dead processes; trying again");
    }
}

/// What is remembered of the other processes.
#[derive(Default)]
struct Others {
    seen: HashMap<BootId, Seen>,
    looked: Option<Instant>,
}

struct Seen {
    heartbeat: u64,
    /// For how long it has not risen while we watched.
    silent: Duration,
}

impl Others {
    /// Notes how the others stand now; answers those that have been silent for their whole lease.
    fn judge(&mut self, others: &[Node], pause: Duration) -> Vec<Node> {
        // However long ago the last look was: a process that slept itself has not watched meanwhile.
        let watched = self.looked.map_or(Duration::ZERO, |looked| looked.elapsed().min(2 * pause));
        self.looked = Some(Instant::now());
        let mut before = std::mem::take(&mut self.seen);
        let mut silent = Vec::new();
        for node in others {
            let silence = match before.remove(&node.boot) {
                Some(seen) if seen.heartbeat == node.heartbeat => seen.silent + watched,
                Some(_) | None => Duration::ZERO,
            };
            if silence >= node.lease {
                silent.push(node.clone());
            }
            self.seen.insert(node.boot.clone(), Seen { heartbeat: node.heartbeat, silent: silence });
        }
        silent
    }
}

/// Looks at every other process once, and settles the jobs of the dead.
async fn look(shared: &Shared, others: &mut Others, pause: Duration) -> Result<()> {
    let (dead, living) = judge_by_lock(shared.store.as_ref(), &shared.data, &shared.node).await?;
    settle(shared.store.as_ref(), &shared.data, &dead).await?;
    let slots = living.iter().map(|node| node.concurrency).sum();
    shared.slots_elsewhere.store(slots, Ordering::Relaxed);
    let silent = others.judge(&living, pause);
    if !silent.is_empty() {
        for job in shared.store.expire(&silent).await? {
            tracing::warn!(%job, "the process that ran this job has been silent for too long; the job is taken from it");
        }
    }
    Ok(())
}

/// Settles what dead processes left, as far as their locks tell: at the start of this one.
pub(crate) async fn settle_dead(store: &dyn Store, data: &DataDir, own: &Node) -> Result<()> {
    let (dead, _) = judge_by_lock(store, data, own).await?;
    settle(store, data, &dead).await?;
    settle_strays(store, data, &own.boot).await
}

/// The other processes, the certainly dead apart from the rest.
async fn judge_by_lock(store: &dyn Store, data: &DataDir, own: &Node) -> Result<(Vec<BootId>, Vec<Node>)> {
    let (mut dead, mut living) = (Vec::new(), Vec::new());
    for node in store.nodes().await?.into_iter().filter(|node| node.boot != own.boot) {
        let is_dead = match node_lock::state(data, &node.boot) {
            LockState::Free => true,
            // A process elsewhere may keep its files elsewhere.
            LockState::Missing => !node.kernel.is_empty() && node.kernel == own.kernel,
            LockState::Held => false,
        };
        if is_dead { dead.push(node.boot) } else { living.push(node) }
    }
    Ok((dead, living))
}

/// Settles the jobs of processes that are not registered and hold no lock.
async fn settle_strays(store: &dyn Store, data: &DataDir, own: &BootId) -> Result<()> {
    let holders = store.holders().await?;
    let registered = store.nodes().await?;
    let is_stray = |boot: &BootId| {
        boot != own
            && registered.iter().all(|node| node.boot != *boot)
            && node_lock::state(data, boot) != LockState::Held
    };
    let strays: Vec<BootId> = holders.into_iter().filter(is_stray).collect();
    settle(store, data, &strays).await
}

async fn settle(store: &dyn Store, data: &DataDir, dead: &[BootId]) -> Result<()> {
    if dead.is_empty() {
        return Ok(());
    }
    for job in store.settle(dead).await? {
        tracing::warn!(%job, "the process that ran this job is dead; the job has been interrupted");
    }
    for boot in dead {
        node_lock::bury(data, boot);
    }
    Ok(())
}
