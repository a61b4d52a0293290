//! Liveness: sends heartbeats of this process, finds dead workers and settles their jobs.
//!
//! A thread of its own does both, so that no task can delay them. A process counts as dead when its lock file can be
//! locked (at once, see `node_lock`), or when its heartbeat has not changed for its whole lease while this process was
//! watching and its own heartbeats were accepted. The time of day plays no part.

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

/// Longest time between two checks of the other processes: a process that dies on this host is noticed within it.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// Least number of checks per lease.
const CHECKS_PER_LEASE: u32 = 6;
/// Time between two searches for processes that hold jobs but are not registered: their row was lost, or never written.
const STRAY_INTERVAL: Duration = Duration::from_secs(10);

/// Starts the thread. It ends when `closed` is raised, after the last attempts have ended.
pub(crate) fn start(shared: &Arc<Shared>) -> Result<()> {
    let unusable = |error| Error::of_io("starting the liveness thread", error);
    let (shared, health) = (Arc::clone(shared), Arc::clone(&shared.health));
    let work = async move {
        // `None` while heartbeats of this process fail. A lease is at least three heartbeats long, so if no process can
        // write, an own heartbeat fails before any other process has been silent for its lease.
        let mut others = None;
        let pause = CHECK_INTERVAL.min(shared.node.lease / CHECKS_PER_LEASE);
        let [mut beats, mut checks, mut strays] = [shared.heartbeat, pause, STRAY_INTERVAL].map(|period| {
            let mut ticks = interval(period);
            // Ticks that were missed while the machine slept are not made up for.
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
                _ = strays.tick() => {
                    warn(settle_strays(shared.store.as_ref(), &shared.data, &shared.node.worker).await);
                }
                _ = checks.tick() => warn(check_others(&shared, others.as_mut(), pause).await),
            }
        }
    };
    let beat = move |part: &Part| timer_runtime().block_on(part.answer_during(work));
    health.spawn_thread("liveness", None, beat).map_err(unusable)?;
    Ok(())
}

/// Sends one heartbeat; returns whether it was accepted. If this process was silent for longer than its lease (stopped
/// or starved), others may have taken its jobs: then it registers again. It keeps its id, because the numbers of lost
/// attempts are never given out again.
async fn beat(shared: &Shared) -> bool {
    let store = &shared.store;
    let beat_or_register = async {
        if !store.heartbeat(&shared.node.worker).await? && !shared.closed.is_raised() {
            tracing::warn!("this process was silent for so long that other processes have taken its jobs");
            store.register(shared.node.clone()).await?;
        }
        Ok::<_, Error>(())
    };
    let outcome = beat_or_register.await;
    if let Err(error) = &outcome {
        tracing::warn!(%error, "cannot send the heartbeat of this process; trying again");
    }
    outcome.is_ok()
}

/// Stops the attempts that this process runs but no longer holds. Called after every heartbeat, because the store may
/// have failed at the last one, and an attempt that was claimed before a sleep may start after it.
async fn stop_lost(shared: &Shared) {
    // Listed before the store is read: attempts that are claimed from now on are not in the list.
    let mut live = shared.live.all();
    // Attempts that have ended, or were asked to stop for another reason, need nothing more.
    live.retain(|attempt| !attempt.stop.is_raised());
    if live.is_empty() {
        return;
    }
    match shared.store.held_attempts(&shared.node.worker).await {
        Ok(held) => {
            let is_lost = |attempt: &Arc<Attempt>| {
                // Checked again: it may have ended in between.
                !held.contains(&(attempt.fence.job, attempt.fence.attempt)) && !attempt.stop.is_raised()
            };
            live.into_iter().filter(is_lost).for_each(cancel::stop_fenced);
        }
        Err(error) => tracing::warn!(%error, "cannot read which attempts this process still holds; trying again"),
    }
}

fn warn(outcome: Result<()>) {
    if let Err(error) = outcome {
        tracing::warn!(%error, "cannot settle the jobs of dead processes; trying again");
    }
}

/// Heartbeats of the other processes.
#[derive(Default)]
struct Others {
    seen: HashMap<WorkerId, Seen>,
    checked_at: Option<Instant>,
}

struct Seen {
    heartbeat: u64,
    /// How long it has not changed while this process was watching.
    silent: Duration,
}

impl Others {
    /// Records the heartbeats of the others; returns those that have been silent for their whole lease.
    fn find_silent(&mut self, others: &[Node], pause: Duration) -> Vec<Node> {
        // Limited, because a process that slept has not watched the others in that time.
        let watched = self.checked_at.map_or(Duration::ZERO, |checked_at| checked_at.elapsed().min(2 * pause));
        self.checked_at = Some(Instant::now());
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

/// Checks every other process once and settles the jobs of the dead. Silence counts only while `others` is set: if no
/// process can write, all are silent, and the first to write again would take the jobs of the rest.
async fn check_others(shared: &Shared, others: Option<&mut Others>, pause: Duration) -> Result<()> {
    let (dead, living) = split_by_lock(shared.store.as_ref(), &shared.data, &shared.node).await?;
    settle(shared.store.as_ref(), &shared.data, &dead).await?;
    shared.other_nodes.update(&shared.data, &living);
    let silent = others.map(|others| others.find_silent(&living, pause)).unwrap_or_default();
    if !silent.is_empty() {
        for job in shared.store.expire(&silent).await? {
            tracing::warn!(%job, "the process of this job has been silent for its lease; the job has been interrupted");
        }
    }
    Ok(())
}

/// Settles the jobs of processes whose locks show that they are dead, when this process starts.
pub(crate) async fn settle_dead(store: &dyn Store, data: &DataDir, own: &Node) -> Result<()> {
    let (dead, _) = split_by_lock(store, data, own).await?;
    settle(store, data, &dead).await?;
    settle_strays(store, data, &own.worker).await
}

/// Splits the other processes into those whose lock shows that they are dead and the rest.
async fn split_by_lock(store: &dyn Store, data: &DataDir, own: &Node) -> Result<(Vec<WorkerId>, Vec<Node>)> {
    let (mut dead, mut living) = (Vec::new(), Vec::new());
    for node in store.nodes().await?.into_iter().filter(|node| node.worker != own.worker) {
        let is_dead = match node_lock::state(data, &node.worker) {
            LockState::Free => true,
            // On another host the file may be in another place.
            LockState::Missing => !node.host_boot_id.is_empty() && node.host_boot_id == own.host_boot_id,
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
    // The programs must be gone before their jobs can start again.
    terminate_orphans(store, dead).await?;
    for job in store.settle(dead).await? {
        tracing::warn!(%job, "the process that ran this job is dead; the job has been interrupted");
    }
    for worker in dead {
        node_lock::remove_lock_file(data, worker);
    }
    Ok(())
}

/// Terminates the programs that dead processes have started on this host since its boot.
async fn terminate_orphans(store: &dyn Store, dead: &[WorkerId]) -> Result<()> {
    let (workers, recorded) = (dead.to_vec(), store.process_groups(dead).await?);
    let any = !recorded.is_empty();
    let ending = tokio::task::spawn_blocking(move || {
        processes::terminate_orphans(&workers, &recorded, &node_lock::host_boot_id())
    });
    match ending.await {
        Ok(0) | Err(_) => {}
        Ok(ended) => tracing::warn!(ended, "terminated programs that dead servers or workers had started"),
    }
    if any { store.delete_process_groups(dead).await } else { Ok(()) }
}
