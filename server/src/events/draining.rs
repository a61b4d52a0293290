//! The end of all streams, when the server goes down.

use std::time::Duration;

use model::ByeReason;
use rand::seq::SliceRandom;
use tokio::time::{Instant, sleep_until};

use crate::hub::Hub;

/// No more time than this for each: few streams do not hold up the end.
const EACH: Duration = Duration::from_millis(2);

/// Closes streams in random order, evenly over `most` at most: their readers all come back, and whatever they find then
/// should not find them all at once. Until its turn a stream goes on.
pub(super) async fn drain(hub: &Hub, most: Duration) {
    let mut open = hub.refuse(ByeReason::Drain);
    open.shuffle(&mut rand::rng());
    let gap = most.div_f64(open.len().max(1) as f64).min(EACH);
    let mut turn = Instant::now();
    for outbox in open {
        sleep_until(turn).await;
        outbox.close(ByeReason::Drain);
        turn += gap;
    }
}
