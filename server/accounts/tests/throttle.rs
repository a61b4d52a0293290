//! Rate limits of sign-in, on a simulated clock.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use accounts::throttle::{COUNTER_LIFETIME, ClientNetwork, MAX_ENTRIES, TRUST_LIFETIME, Throttle};

/// A throttle and its clock.
struct TestThrottle {
    throttle: Throttle,
    now: Instant,
}

impl TestThrottle {
    fn new() -> Self {
        Self { throttle: Throttle::default(), now: Instant::now() }
    }

    fn after(&mut self, duration: Duration) -> &mut Self {
        self.now += duration;
        self
    }

    /// Counts a failed try. Returns the seconds to wait if it was refused, else 0.
    fn fail(&mut self, account: &str, address: &str) -> u64 {
        match self.throttle.begin(account, network(address), self.now) {
            Ok(_) => 0,
            Err(refusal) => refusal.wait.as_secs(),
        }
    }

    fn succeed(&mut self, account: &str, address: &str) {
        let begun = self.throttle.begin(account, network(address), self.now).unwrap();
        self.throttle.succeed(begun, self.now);
    }
}

fn network(address: &str) -> ClientNetwork {
    ClientNetwork::from(Some(address.parse::<IpAddr>().unwrap()))
}

const HERE: &str = "192.0.2.1";

#[test]
fn wait_doubles_after_five_free_tries_up_to_a_minute() {
    let mut test = TestThrottle::new();
    for _ in 0..5 {
        assert_eq!(test.fail("ada", HERE), 0);
    }
    for seconds in [1, 2, 4, 8, 16, 32, 60, 60, 60] {
        assert_eq!(test.fail("ada", HERE), seconds);
        let nearly = Duration::from_millis(seconds * 1_000 - 1);
        test.after(nearly);
        assert!(test.throttle.begin("ada", network(HERE), test.now).is_err());
        assert_eq!(test.after(Duration::from_millis(1)).fail("ada", HERE), 0);
    }
}

#[test]
fn refused_try_does_not_extend_the_wait() {
    let mut test = TestThrottle::new();
    while test.fail("ada", HERE) == 0 {}
    for _ in 0..1_000 {
        assert_eq!(test.fail("ada", HERE), 1);
    }
    assert_eq!(test.after(Duration::from_secs(1)).fail("ada", HERE), 0);
}

#[test]
fn concurrent_tries_pass_only_up_to_the_limit() {
    let mut test = TestThrottle::new();
    let begun: Vec<_> = (0..100).map(|_| test.throttle.begin("ada", network(HERE), test.now)).collect();
    assert_eq!(begun.iter().filter(|begun| begun.is_ok()).count(), 5);
}

#[test]
fn success_resets_the_account_and_network_limit() {
    let mut test = TestThrottle::new();
    for _ in 0..4 {
        test.fail("ada", HERE);
    }
    test.succeed("ada", HERE);
    for _ in 0..5 {
        assert_eq!(test.fail("ada", HERE), 0);
    }
    assert_eq!(test.fail("ada", HERE), 1);
}

#[test]
fn network_limit_stops_password_spraying() {
    let mut test = TestThrottle::new();
    let free = (0..100).take_while(|number| test.fail(&format!("user{number}"), HERE) == 0).count();
    assert_eq!(free, 20);
    assert_eq!(test.fail("another", HERE), 1);
    assert_eq!(test.fail("another", "192.0.2.2"), 0);
}

#[test]
fn success_does_not_reset_the_network_limit() {
    let mut test = TestThrottle::new();
    let mut tried = 0;
    while test.fail(&format!("user{tried}"), HERE) == 0 {
        tried += 1;
        if tried < 20 {
            test.succeed("mallory", HERE);
        }
    }
    assert_eq!(tried, 20);
}

#[test]
fn account_limit_slows_guessing_from_many_addresses() {
    let mut test = TestThrottle::new();
    let address = |number: u32| format!("198.51.{}.{}", number / 250, number % 250);
    let free = (0..1_000).take_while(|number| test.fail("ada", &address(*number)) == 0).count();
    assert_eq!(free, 50);
    for number in 1_000..1_020 {
        let wait = test.fail("ada", &address(number));
        assert!((1..=10).contains(&wait), "{wait} s");
        assert_eq!(test.after(Duration::from_secs(wait)).fail("ada", &address(number)), 0);
    }
    assert_eq!(test.fail("grace", &address(2_000)), 0);
}

#[test]
fn account_limit_does_not_apply_to_trusted_network() {
    let mut test = TestThrottle::new();
    test.succeed("ada", HERE);
    test.after(COUNTER_LIFETIME);
    for number in 0..100 {
        test.fail("ada", &format!("203.0.113.{number}"));
    }
    assert_ne!(test.fail("ada", "192.0.2.9"), 0);
    test.succeed("ada", HERE);
    test.after(TRUST_LIFETIME);
    for number in 0..100 {
        test.fail("ada", &format!("203.0.113.{number}"));
    }
    assert_ne!(test.fail("ada", HERE), 0);
}

#[test]
fn counter_expires_after_fifteen_minutes() {
    let mut test = TestThrottle::new();
    while test.fail("ada", HERE) == 0 {}
    test.after(COUNTER_LIFETIME);
    for _ in 0..5 {
        assert_eq!(test.fail("ada", HERE), 0);
    }
}

#[test]
fn ipv6_addresses_of_one_network_share_a_limit() {
    let mut test = TestThrottle::new();
    for number in 0..5 {
        assert_eq!(test.fail("ada", &format!("2001:db8:0:1::{number}")), 0);
    }
    assert_eq!(test.fail("ada", "2001:db8:0:1:ffff::1"), 1);
    assert_eq!(test.fail("ada", "2001:db8:0:2::1"), 0);
}

#[test]
fn mapped_ipv4_address_equals_ipv4_address() {
    assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
    assert_ne!(network("::ffff:192.0.2.1"), network("::ffff:192.0.2.2"));
}

#[test]
fn abandoned_try_is_not_counted() {
    let mut test = TestThrottle::new();
    for _ in 0..100 {
        let begun = test.throttle.begin("ada", network(HERE), test.now).unwrap();
        test.throttle.abandon(begun);
    }
    assert_eq!(test.throttle.entries(), 0);
}

#[test]
fn only_first_refusal_of_a_streak_is_reported() {
    let mut test = TestThrottle::new();
    let mut first = 0;
    for _ in 0..10_000 {
        let tried = test.throttle.begin("ada", network(HERE), test.now);
        first += u32::from(tried.is_err_and(|refusal| refusal.first));
        test.after(Duration::from_millis(10));
    }
    assert_eq!(first, 1);
    test.after(COUNTER_LIFETIME);
    while let Ok(_begun) = test.throttle.begin("ada", network(HERE), test.now) {}
    assert_eq!(test.fail("ada", HERE), 1);
}

#[test]
fn entries_are_bounded_and_the_oldest_evicted() {
    let mut test = TestThrottle::new();
    for number in 0..200_000_u32 {
        let address = IpAddr::from(number.to_be_bytes());
        test.after(Duration::from_micros(1));
        let begun =
            test.throttle.begin(&format!("user{number}"), ClientNetwork::from(Some(address)), test.now).unwrap();
        if number % 2 == 0 {
            test.throttle.succeed(begun, test.now);
        }
    }
    assert!(test.throttle.entries() <= MAX_ENTRIES, "{}", test.throttle.entries());
    // The newest entries are kept.
    let last = IpAddr::from(199_999_u32.to_be_bytes()).to_string();
    for _ in 0..4 {
        assert_eq!(test.fail("user199999", &last), 0);
    }
    assert_eq!(test.fail("user199999", &last), 1);
}
