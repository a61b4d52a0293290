//! The `bye` event: why a stream is closed and when to reconnect.

use std::ops::RangeInclusive;

use bytes::Bytes;
use model::{Bye, ByeReason, StreamEvent};
use rand::Rng;

use super::encoding::{Encoding, encode};

/// Delay before a browser reconnects by itself after its stream broke, milliseconds.
pub(super) const RETRY_MS: RangeInclusive<u64> = 2_000..=6_000;
/// Delay when a limit is reached.
const RETRY_FULL_MS: u64 = 30_000;

/// Encodes `bye`. The delay is random, so that clients that leave together do not reconnect together.
pub(super) fn bye(encoding: Encoding, reason: ByeReason) -> Bytes {
    let retry_ms = rand::rng().random_range(match reason {
        ByeReason::Lifetime => 0..=300,
        ByeReason::Drain => 500..=3_000,
        ByeReason::Revoked | ByeReason::Slow => RETRY_MS,
        ByeReason::Full => RETRY_FULL_MS..=2 * RETRY_FULL_MS,
    });
    encode(encoding, &StreamEvent::Bye(Bye { reason, retry_ms }), None)
}

/// Returns a whole SSE stream with nothing but `bye`: an `EventSource` gives up for good on any status but 200.
pub(super) fn only_bye(reason: ByeReason) -> Bytes {
    let retry = if reason == ByeReason::Full { RETRY_FULL_MS } else { rand::rng().random_range(RETRY_MS) };
    [format!("retry: {retry}\n").as_bytes(), &bye(Encoding::Sse, reason)].concat().into()
}
