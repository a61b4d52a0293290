//! Liveness: sends heartbeats of this process, finds dead workers and settles their jobs.
//!
//! Both are done by a thread of their own, so that no task can hold them up. A process counts as dead when its lock can
//! be taken (at once, see `node_lock`), or when its heartbeat has stopped for its whole lease while this process was
//! watching, which only a process can whose own beats are accepted. The time of day plays no part.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::time::{MissedTickBehavior, interval};

use crate::{
    DataDir, Error, Result,
    attempt::{Attempt, cancel},
    nodes::node_lock::{self, LockState},
    processes,
    runtime::health::{Part, timer_runtime},
    shared::Shared,
    store::{Node, Store, WorkerId},
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
    let (shared, health) = (Arc::clone(shared), Arc::clone(&shared.health));
    let work = async move {
        // `None` while this process cannot beat itself. A lease is three heartbeats at least: what keeps everybody from
        // writing is met by an own beat before the silence of others has lasted for their lease.
        let mut others = None;
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
                _ = beats.tick() => {
                    let accepted = beat(&shared).await;
                    others = accepted.then(|| others.take().unwrap_or_default());
                    stop_lost(&shared).await;
                }
                _ = strays.tick() => warn(settle_strays(shared.store.as_ref(), &shared.data, &shared.node.worker).await),
                _ = looks.tick() => warn(look(&shared, others.as_mut(), pause).await),
            }
        }
    };
    let beat = move |heart: &Part| timer_runtime().block_on(heart.answer_during(work));
    health.spawn_thread("heart", None, beat).map_err(unusable)?;
    Ok(())
}

/// Beats once; answers whether that was accepted. A process that has been silent for longer than its lease (stopped, or
/// starved) may find that the others have taken its jobs: it registers again and carries on. It keeps its name,
/// because no attempt that it has lost can be mistaken for one that it will be given.
async fn beat(shared: &Shared) -> bool {
    let store = &shared.store;
    let beaten = async {
        if !store.heartbeat(&shared.node.worker).await? && !shared.closed.is_raised() {
            tracing::warn!("this process was silent for so long that the others have taken its jobs");
            store.register(shared.node.clone()).await?;
        }
        Ok::<_, Error>(())
    };
    let outcome = beaten.await;
    if let Err(error) = &outcome {
        tracing::warn!(%error, "cannot show that this process lives; trying again");
    }
    outcome.is_ok()
}

/// Stops the attempts that this process runs and no longer holds. After every beat, not only when it wakes: the store
/// may not answer just then, and an attempt that was claimed before a sleep may begin after it.
async fn stop_lost(shared: &Shared) {
    // Listed before the store is asked: what is claimed from here on is not among them.
    let mut live = shared.live.all();
    // What has ended, or was asked to stop for another reason, is seen to already.
    live.retain(|attempt| !attempt.stop.is_raised());
    if live.is_empty() {
        return;
    }
    match shared.store.held_attempts(&shared.node.worker).await {
        Ok(held) => {
            let is_lost = |attempt: &Arc<Attempt>| {
                // Asked again: it may have ended meanwhile.
                !held.contains(&(attempt.fence.job, attempt.fence.attempt)) && !attempt.stop.is_raised()
            };
            live.into_iter().filter(is_lost).for_each(cancel::take_away);
        }
        Err(error) => tracing::warn!(%error, "cannot ask which attempts this process still holds; trying again"),
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
    seen: HashMap<WorkerId, Seen>,
    looked: Option<Instant>,
}

struct Seen {
    heartbeat: u64,
    /// For how long it has not risen while we watched.
    silent: Duration,
}

impl Others {
    /// Records the heartbeats of the others; returns those that have been silent for their whole lease.
    fn decide_outcome(&mut self, others: &[Node], pause: Duration) -> Vec<Node> {
        // However long ago the last look was: a process that slept itself has not watched meanwhile.
        let watched = self.looked.map_or(Duration::ZERO, |looked| looked.elapsed().min(2 * pause));
        self.looked = Some(Instant::now());
        let mut before = std::mem::take(&mut self.seen);
        let mut silent = Vec::new();
        for node in others {
            let silence = match before.remove(&node.worker) {
                Some(seen) if seen.heartbeat == node.heartbeat => seen.silent + watched,
                Some(_) | None => Duration::ZERO,
            };
            if silence >= node.lease {
                silent.push(node.clone());
            }
            self.seen.insert(node.worker.clone(), Seen { heartbeat: node.heartbeat, silent: silence });
        }
        silent
    }
}

/// Looks at every other process once, and settles the jobs of the dead; by their silence only while `others` is kept.
/// If no process can write, all are silent, and the first to write again would take the jobs of the rest.
async fn look(shared: &Shared, others: Option<&mut Others>, pause: Duration) -> Result<()> {
    let (dead, living) = judge_by_lock(shared.store.as_ref(), &shared.data, &shared.node).await?;
    settle(shared.store.as_ref(), &shared.data, &dead).await?;
    shared.other_nodes.update(&shared.data, &living);
    let silent = others.map(|others| others.decide_outcome(&living, pause)).unwrap_or_default();
    if !silent.is_empty() {
        for job in shared.store.expire(&silent).await? {
            tracing::warn!(%job, "the process that ran this job has been silent for too long; the job is taken from it");
        }
    }
    Ok(())
}

/// Settles the jobs of dead processes, as far as their locks show it, when this one starts.
pub(crate) async fn settle_dead(store: &dyn Store, data: &DataDir, own: &Node) -> Result<()> {
    let (dead, _) = judge_by_lock(store, data, own).await?;
    settle(store, data, &dead).await?;
    settle_strays(store, data, &own.worker).await
}

/// The other processes, the certainly dead apart from the rest.
async fn judge_by_lock(store: &dyn Store, data: &DataDir, own: &Node) -> Result<(Vec<WorkerId>, Vec<Node>)> {
    let (mut dead, mut living) = (Vec::new(), Vec::new());
    for node in store.nodes().await?.into_iter().filter(|node| node.worker != own.worker) {
        let is_dead = match node_lock::state(data, &node.worker) {
            LockState::Free => true,
            // A process elsewhere may keep its files elsewhere.
            LockState::Missing => !node.kernel.is_empty() && node.kernel == own.kernel,
            LockState::Held => false,
        };
        if is_dead { dead.push(node.worker) } else { living.push(node) }
    }
    Ok((dead, living))
}

/// Settles the jobs of processes that are not registered and hold no lock.
async fn settle_strays(store: &dyn Store, data: &DataDir, own: &WorkerId) -> Result<()> {
    let holders = store.workers_with_jobs().await?;
    let registered = store.nodes().await?;
    let is_stray = |worker: &WorkerId| {
        worker != own
            && registered.iter().all(|node| node.worker != *worker)
            && node_lock::state(data, worker) != LockState::Held
    };
    let strays: Vec<WorkerId> = holders.into_iter().filter(is_stray).collect();
    settle(store, data, &strays).await
}

async fn settle(store: &dyn Store, data: &DataDir, dead: &[WorkerId]) -> Result<()> {
    if dead.is_empty() {
        return Ok(());
    }
    // Before their jobs can start again.
    end_left_behind(store, dead).await?;
    for job in store.settle(dead).await? {
        tracing::warn!(%job, "the process that ran this job is dead; the job has been interrupted");
    }
    for worker in dead {
        node_lock::remove_lock_file(data, worker);
    }
    Ok(())
}

/// Ends the programs that dead processes have started on this kernel.
async fn end_left_behind(store: &dyn Store, dead: &[WorkerId]) -> Result<()> {
    let (workers, recorded) = (dead.to_vec(), store.process_groups(dead).await?);
    let any = !recorded.is_empty();
    let ending =
        tokio::task::spawn_blocking(move || processes::end_left_behind(&workers, &recorded, &node_lock::kernel()));
    match ending.await {
        Ok(0) | Err(_) => {}
        Ok(ended) => tracing::warn!(ended, "ended processes that dead servers or workers had started and left"),
    }
    if any { store.delete_process_groups(dead).await } else { Ok(()) }
}
