//! The dispatcher: claims queued jobs for free slots and runs them; queues jobs that are due.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use crate::{
    TaskInfo,
    attempt::{Attempt, cancel, run::run},
    runtime::panics,
    shared::Shared,
    store::{Claim, Claimable, Claimed},
};

/// Fallback poll: the store normally wakes a claim, also for work from other processes.
const POLL_INTERVAL: Duration = Duration::from_secs(2);
/// Pause after a store error.
const ERROR_PAUSE: Duration = Duration::from_secs(1);

/// Claims and starts jobs until the engine stops.
pub(crate) async fn dispatch(shared: Arc<Shared>) {
    let kinds: Arc<[Claimable]> = shared.registry.entries().map(|entry| claimable(&entry.info)).collect();
    while !shared.stopping.is_raised() {
        // Registered before the slots are counted, so that a slot freed in between is not missed.
        let mut freed = std::pin::pin!(shared.slot_freed.notified());
        freed.as_mut().enable();
        let slots = shared.node.concurrency.saturating_sub(shared.running.load(Ordering::Acquire));
        if slots == 0 {
            tokio::select! {
                () = freed => {}
                () = shared.stopping.raised() => {}
            }
            continue;
        }
        let enough = CancellationToken::new();
        let request =
            Claim { worker: shared.node.worker.clone(), slots, kinds: Arc::clone(&kinds), waits: Some(enough.clone()) };
        let mut claiming = shared.store.claim(request);
        let claimed = tokio::select! {
            biased;
            claimed = &mut claiming => claimed,
            () = claim_outdated(&shared, freed) => {
                // The claim may be returning jobs at this moment.
                enough.cancel();
                claiming.await
            }
        };
        match claimed {
            Ok(claimed) => start(&shared, claimed).await,
            Err(error) => {
                tracing::error!(%error, "cannot claim jobs; trying again");
                tokio::select! {
                    () = tokio::time::sleep(ERROR_PAUSE) => {}
                    () = shared.stopping.raised() => {}
                }
            }
        }
    }
    shared.dispatched.raise();
}

/// Waits until a waiting claim should be repeated or given up.
async fn claim_outdated(shared: &Shared, slot_freed: impl Future<Output = ()>) {
    tokio::select! {
        () = slot_freed => {}
        () = tokio::time::sleep(POLL_INTERVAL) => {}
        () = shared.stopping.raised() => {}
    }
}

/// Queues scheduled jobs when they are due, until the engine stops.
pub(crate) async fn promote(shared: Arc<Shared>) {
    while !shared.stopping.is_raised() {
        let mut rescheduled = std::pin::pin!(shared.rescheduled.notified());
        rescheduled.as_mut().enable();
        let now = shared.clock.now();
        let pause = match shared.store.promote_due(now).await {
            Ok(next) => {
                let until = next.map(|next| Duration::from_secs_f64(next.seconds_since(now).max(0.0)));
                until.map_or(POLL_INTERVAL, |until| until.min(POLL_INTERVAL))
            }
            Err(error) => {
                tracing::error!(%error, "cannot queue scheduled jobs; trying again");
                ERROR_PAUSE
            }
        };
        tokio::select! {
            () = rescheduled => {}
            () = tokio::time::sleep(pause) => {}
            () = shared.stopping.raised() => return,
        }
    }
}

/// Runs an attempt. A panic outside of its task would leave a job that runs for ever, so it ends the process. The next
/// process settles its jobs.
async fn supervised(attempt: Arc<Attempt>, input: String) {
    let health = Arc::clone(&attempt.shared.health);
    if let Err(panicked) = panics::caught(run(attempt, input)).await {
        health.fail("run of an attempt", panicked.message);
    }
}

fn claimable(task: &TaskInfo) -> Claimable {
    Claimable { kind: task.kind.to_string(), queue: task.queue.to_string(), limit: task.limit }
}

async fn start(shared: &Arc<Shared>, claimed: Vec<Claimed>) {
    let mut attempts = Vec::with_capacity(claimed.len());
    let mut inputs = Vec::with_capacity(claimed.len());
    for claimed in claimed {
        let Some(entry) = shared.registry.find(&claimed.view.kind) else {
            tracing::error!(job = %claimed.view.job, kind = claimed.view.kind, "claimed a job of an unknown kind");
            continue;
        };
        shared.take_slot();
        let stages = entry.stages(shared.store.as_ref()).await;
        attempts.push(Arc::new(Attempt::new(Arc::clone(shared), Arc::clone(entry), stages, &claimed)));
        inputs.push(claimed.input);
    }
    let cancelled = shared.live.enter(&attempts);
    cancelled.into_iter().for_each(cancel::cancel);
    if shared.leaving.is_raised() {
        // Claimed after the running attempts were asked to stop.
        for attempt in &attempts {
            attempt.stop.raise();
        }
    }
    for (attempt, input) in attempts.into_iter().zip(inputs) {
        shared.tasks.spawn(supervised(attempt, input));
    }
}
