//! The last words of a stream that ends before its time.

use std::ops::RangeInclusive;

use bytes::Bytes;
use model::{Bye, ByeReason, StreamEvent};
use rand::Rng;

use crate::hub::{Form, encode};

/// When a browser whose stream breaks comes back by itself, milliseconds.
pub(super) const RETRY_MS: RangeInclusive<u64> = 2_000..=6_000;
/// The same where there is no place for it.
const RETRY_FULL_MS: u64 = 30_000;

/// Says why, and after how long to come back: at random, so that those who leave together do not come back together.
pub(super) fn bye(form: Form, reason: ByeReason) -> Bytes {
    let retry_ms = rand::rng().random_range(match reason {
        ByeReason::Lifetime => 0..=300,
        ByeReason::Drain => 500..=3_000,
        ByeReason::Revoked | ByeReason::Slow => RETRY_MS,
        ByeReason::Full => RETRY_FULL_MS..=2 * RETRY_FULL_MS,
    });
    encode(form, &StreamEvent::Bye(Bye { reason, retry_ms }), None)
}

/// A whole stream of nothing else. A browser's `EventSource` gives up for good on any status but 200.
pub(super) fn only_bye(reason: ByeReason) -> Bytes {
    let retry = if reason == ByeReason::Full { RETRY_FULL_MS } else { rand::rng().random_range(RETRY_MS) };
    [format!("retry: {retry}\n").as_bytes(), &bye(Form::Sse, reason)].concat().into()
}
