//! Rate limit of requests to each host.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

pub(super) struct HostRateLimit {
    gap: Duration,
    /// Earliest time of the next request to each host.
    next: Mutex<HashMap<String, Instant>>,
}

impl HostRateLimit {
    /// `per_second` is at least 1.
    pub(super) fn new(per_second: u32) -> Self {
        Self { gap: Duration::from_secs(1) / per_second.max(1), next: Mutex::default() }
    }

    /// Waits for the next slot of `host`.
    pub(super) async fn wait(&self, host: &str) {
        sleep_until(self.reserve(host, Instant::now())).await;
    }

    /// Reserves the next slot of `host`. Returns its time.
    fn reserve(&self, host: &str, now: Instant) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = next.entry(host.to_owned()).or_insert(now);
        let at = now.max(*slot);
        *slot = at + self.gap;
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_to_one_host_are_spaced_others_do_not_wait() {
        let (limit, now) = (HostRateLimit::new(4), Instant::now());
        for expected in [0, 250, 500] {
            assert_eq!(limit.reserve("a.example", now) - now, Duration::from_millis(expected));
        }
        assert_eq!(limit.reserve("b.example", now), now);
        let later = now + Duration::from_mins(1);
        assert_eq!(limit.reserve("a.example", later), later);
    }
}
