//! Drain of all streams at shutdown (graceful shutdown).

use std::time::Duration;

use model::ByeReason;
use rand::seq::SliceRandom;
use tokio::time::{Instant, sleep_until};

use super::hub::Hub;

/// The longest gap between two closes: a few streams do not delay the shutdown.
const MAX_GAP: Duration = Duration::from_millis(2);

/// Closes streams in random order, evenly over at most `duration`, so that their clients do not all reconnect at once.
/// A stream continues until its turn.
pub(super) async fn drain(hub: &Hub, duration: Duration) {
    let mut open = hub.begin_drain(ByeReason::Drain);
    open.shuffle(&mut rand::rng());
    let gap = duration.div_f64(open.len().max(1) as f64).min(MAX_GAP);
    let mut turn = Instant::now();
    for outbox in open {
        sleep_until(turn).await;
        outbox.close(ByeReason::Drain);
        turn += gap;
    }
}
