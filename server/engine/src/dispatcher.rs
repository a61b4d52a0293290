//! Takes jobs from the queue as long as there are free slots, and starts them; queues what has come due.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use crate::{
    Result,
    attempt::Attempt,
    cancel,
    run::run,
    shared::Shared,
    store::{Claim, Claimed},
};

/// Everything that makes work wakes the dispatcher; this is for what it cannot hear of, such as another process.
const LOOK_ANYWAY: Duration = Duration::from_secs(2);
/// After the store has failed.
const RECOVER: Duration = Duration::from_secs(1);

/// Claims and starts jobs until the engine stops.
pub(crate) async fn dispatch(shared: Arc<Shared>) {
    let kinds: Vec<String> = shared.registry.entries().map(|entry| entry.info.kind.to_string()).collect();
    while !shared.stopping.is_raised() {
        // Armed before the query: what comes in while it runs wakes us again at once.
        let mut woken = std::pin::pin!(shared.work.notified());
        woken.as_mut().enable();
        let claimed = claim(&shared, &kinds).await;
        if let Err(error) = &claimed {
            tracing::error!(%error, "cannot claim jobs; trying again");
        }
        tokio::select! {
            () = woken, if claimed.is_ok() => {}
            () = tokio::time::sleep(if claimed.is_ok() { LOOK_ANYWAY } else { RECOVER }) => {}
            () = shared.stopping.raised() => {}
        }
    }
    shared.dispatched.raise();
}

/// Queues scheduled jobs when their time has come, until the engine stops.
pub(crate) async fn promote(shared: Arc<Shared>) {
    while !shared.stopping.is_raised() {
        let mut rescheduled = std::pin::pin!(shared.rescheduled.notified());
        rescheduled.as_mut().enable();
        let now = shared.clock.now();
        let pause = match shared.store.promote_due(now).await {
            Ok(next) => {
                // There may be work now. Asking in vain costs one query.
                shared.work.notify_one();
                let until = next.map(|next| Duration::from_secs_f64(next.seconds_since(now).max(0.0)));
                until.map_or(LOOK_ANYWAY, |until| until.min(LOOK_ANYWAY))
            }
            Err(error) => {
                tracing::error!(%error, "cannot queue scheduled jobs; trying again");
                RECOVER
            }
        };
        tokio::select! {
            () = rescheduled => {}
            () = tokio::time::sleep(pause) => {}
            () = shared.stopping.raised() => return,
        }
    }
}

/// Fills the free slots, as far as the queue can.
async fn claim(shared: &Arc<Shared>, kinds: &[String]) -> Result<()> {
    loop {
        let slots = shared.concurrency.saturating_sub(shared.running.load(Ordering::Acquire));
        if slots == 0 || shared.stopping.is_raised() {
            return Ok(());
        }
        let limits = shared.registry.entries().filter_map(|entry| {
            let limit = entry.limit?;
            Some((entry.info.kind.to_string(), limit.saturating_sub(entry.running.load(Ordering::Acquire))))
        });
        let claim = Claim { boot: shared.boot.clone(), slots, limits: limits.collect(), kinds: kinds.to_vec() };
        let claimed = shared.store.claim(claim).await?;
        let filled = claimed.len() >= slots as usize;
        start(shared, claimed).await;
        if !filled {
            return Ok(());
        }
    }
}

async fn start(shared: &Arc<Shared>, claimed: Vec<Claimed>) {
    let mut attempts = Vec::with_capacity(claimed.len());
    let mut inputs = Vec::with_capacity(claimed.len());
    for claimed in claimed {
        let Some(entry) = shared.registry.find(&claimed.view.kind) else {
            tracing::error!(job = %claimed.view.job, kind = claimed.view.kind, "claimed a job of an unknown kind");
            continue;
        };
        shared.take_slot(entry);
        let stages = entry.stages(shared.store.as_ref()).await;
        attempts.push(Arc::new(Attempt::new(Arc::clone(shared), Arc::clone(entry), stages, &claimed)));
        inputs.push(claimed.input);
    }
    let cancelled = shared.live.enter(&attempts);
    cancelled.into_iter().for_each(cancel::cancel);
    for (attempt, input) in attempts.into_iter().zip(inputs) {
        shared.tasks.spawn(run(attempt, input));
    }
}
