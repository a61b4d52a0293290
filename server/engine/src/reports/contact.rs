//! Contact: notices reporters that fall silent, and gives them up after a long time.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use model::Micros;

use super::{Reports, hosted::Hosted};
use crate::store::rules::reports::LOST;

/// Time between two checks.
const CHECK: Duration = Duration::from_secs(1);
/// Contact is lost after this many promised pauses without a report …
const PAUSES: u64 = 3;
/// … but not earlier than this.
const LEAST: Duration = Duration::from_secs(30);
/// A run is given up so long after contact was lost …
const GIVE_UP: Duration = Duration::from_hours(1);
/// … or after the last report of a reporter that promised none.
const WITHOUT_PROMISE: Duration = Duration::from_hours(24);

/// Checks all hosted runs once a second, until the engine stops. Time in which this process was stopped or starved does
/// not count: no report could arrive then.
pub(crate) async fn watch(reports: Arc<Reports>) {
    let mut checked_at = Instant::now();
    loop {
        tokio::select! {
            () = tokio::time::sleep(CHECK) => {}
            () = reports.shared.stopping.raised() => return,
        }
        let passed = checked_at.elapsed().min(2 * CHECK).as_millis() as u64;
        checked_at = Instant::now();
        for hosted in reports.all() {
            let silent = Duration::from_millis(hosted.silent.fetch_add(passed, Ordering::Relaxed) + passed);
            reports.check_contact(&hosted, silent).await;
        }
    }
}

impl Reports {
    async fn check_contact(&self, hosted: &Arc<Hosted>, silent: Duration) {
        let Some(heartbeat) = hosted.heartbeat() else {
            if silent >= WITHOUT_PROMISE {
                self.lose(hosted, "no report has come for a day").await;
            }
            return;
        };
        let limit = Duration::from_secs(PAUSES * heartbeat).max(LEAST);
        if silent < limit {
            return;
        }
        if silent >= limit + GIVE_UP {
            self.lose(hosted, "contact with its reporter was lost an hour ago").await;
        } else if !hosted.is_lost.swap(true, Ordering::AcqRel) {
            let since = Micros(self.shared.clock.now().0 - silent.as_micros() as i64);
            let fence = hosted.attempt.fence.clone();
            if let Err(error) = self.shared.store.set_contact(fence, Some(since)).await {
                hosted.is_lost.store(false, Ordering::Release);
                tracing::warn!(job = %hosted.attempt.job(), %error, "cannot note that contact is lost; trying again");
            }
        }
    }

    async fn lose(&self, hosted: &Arc<Hosted>, message: &str) {
        tracing::warn!(job = %hosted.attempt.job(), "gave a reported job up: {message}");
        if let Err(error) = self.give_up(hosted, LOST, message).await {
            tracing::warn!(job = %hosted.attempt.job(), %error, "cannot give up a reported job; trying again");
        }
    }
}
