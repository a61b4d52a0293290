//! At most so many requests per second to each host.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

/// Keeps the pace for every host.
pub(super) struct Pace {
    gap: Duration,
    /// When the next request to each host may go out.
    next: Mutex<HashMap<String, Instant>>,
}

impl Pace {
    /// `per_second` is at least 1.
    pub(super) fn new(per_second: u32) -> Self {
        Self { gap: Duration::from_secs(1) / per_second.max(1), next: Mutex::default() }
    }

    /// Waits until a request to `host` may go out.
    pub(super) async fn turn(&self, host: &str) {
        sleep_until(self.reserve(host, Instant::now())).await;
    }

    /// When the next request to `host` may go out, which is then taken.
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
    fn requests_to_one_host_keep_their_distance_and_other_hosts_do_not_wait() {
        let (pace, now) = (Pace::new(4), Instant::now());
        for expected in [0, 250, 500] {
            assert_eq!(pace.reserve("a.example", now) - now, Duration::from_millis(expected));
        }
        assert_eq!(pace.reserve("b.example", now), now);
        let later = now + Duration::from_mins(1);
        assert_eq!(pace.reserve("a.example", later), later);
    }
}
