//! How often somebody may try. Nothing here takes time: the clock is the test's.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use accounts::throttle::{COUNTER_LIFETIME, ClientNetwork, MAX_ENTRIES, TRUST_LIFETIME, Throttle};

/// A throttle and its clock.
struct World {
    throttle: Throttle,
    now: Instant,
}

impl World {
    fn new() -> Self {
        Self { throttle: Throttle::default(), now: Instant::now() }
    }

    fn after(&mut self, duration: Duration) -> &mut Self {
        self.now += duration;
        self
    }

    /// Tries and fails; answers for how many seconds that is refused, 0 where it is not.
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
fn five_tries_are_free_and_each_further_one_waits_twice_as_long_up_to_a_minute() {
    let mut world = World::new();
    for _ in 0..5 {
        assert_eq!(world.fail("ada", HERE), 0);
    }
    for seconds in [1, 2, 4, 8, 16, 32, 60, 60, 60] {
        assert_eq!(world.fail("ada", HERE), seconds);
        let nearly = Duration::from_millis(seconds * 1_000 - 1);
        world.after(nearly);
        assert!(world.throttle.begin("ada", network(HERE), world.now).is_err());
        assert_eq!(world.after(Duration::from_millis(1)).fail("ada", HERE), 0);
    }
}

#[test]
fn trying_in_vain_makes_nobody_wait_longer() {
    let mut world = World::new();
    while world.fail("ada", HERE) == 0 {}
    for _ in 0..1_000 {
        assert_eq!(world.fail("ada", HERE), 1);
    }
    assert_eq!(world.after(Duration::from_secs(1)).fail("ada", HERE), 0);
}

#[test]
fn of_many_tries_at_once_only_the_free_ones_pass() {
    let mut world = World::new();
    let begun: Vec<_> = (0..100).map(|_| world.throttle.begin("ada", network(HERE), world.now)).collect();
    assert_eq!(begun.iter().filter(|begun| begun.is_ok()).count(), 5);
}

#[test]
fn success_forgives_what_was_tried_on_the_account_from_there() {
    let mut world = World::new();
    for _ in 0..4 {
        world.fail("ada", HERE);
    }
    world.succeed("ada", HERE);
    for _ in 0..5 {
        assert_eq!(world.fail("ada", HERE), 0);
    }
    assert_eq!(world.fail("ada", HERE), 1);
}

#[test]
fn one_password_cannot_be_tried_on_every_account() {
    let mut world = World::new();
    let free = (0..100).take_while(|number| world.fail(&format!("user{number}"), HERE) == 0).count();
    assert_eq!(free, 20);
    assert_eq!(world.fail("somebody", HERE), 1);
    assert_eq!(world.fail("somebody", "192.0.2.2"), 0);
}

#[test]
fn ones_own_account_does_not_forgive_what_was_tried_on_others() {
    let mut world = World::new();
    let mut tried = 0;
    while world.fail(&format!("user{tried}"), HERE) == 0 {
        tried += 1;
        if tried < 20 {
            world.succeed("mallory", HERE);
        }
    }
    assert_eq!(tried, 20);
}

#[test]
fn many_addresses_together_guess_slowly_and_lock_nobody_out_for_long() {
    let mut world = World::new();
    let address = |number: u32| format!("198.51.{}.{}", number / 250, number % 250);
    let free = (0..1_000).take_while(|number| world.fail("ada", &address(*number)) == 0).count();
    assert_eq!(free, 50);
    for number in 1_000..1_020 {
        let wait = world.fail("ada", &address(number));
        assert!((1..=10).contains(&wait), "{wait} s");
        assert_eq!(world.after(Duration::from_secs(wait)).fail("ada", &address(number)), 0);
    }
    assert_eq!(world.fail("grace", &address(2_000)), 0);
}

#[test]
fn strangers_do_not_keep_somebody_out_of_a_place_they_have_signed_in_from() {
    let mut world = World::new();
    world.succeed("ada", HERE);
    world.after(COUNTER_LIFETIME);
    for number in 0..100 {
        world.fail("ada", &format!("203.0.113.{number}"));
    }
    assert_ne!(world.fail("ada", "192.0.2.9"), 0);
    world.succeed("ada", HERE);
    world.after(TRUST_LIFETIME);
    for number in 0..100 {
        world.fail("ada", &format!("203.0.113.{number}"));
    }
    assert_ne!(world.fail("ada", HERE), 0);
}

#[test]
fn a_quarter_of_an_hour_of_quiet_is_enough() {
    let mut world = World::new();
    while world.fail("ada", HERE) == 0 {}
    world.after(COUNTER_LIFETIME);
    for _ in 0..5 {
        assert_eq!(world.fail("ada", HERE), 0);
    }
}

#[test]
fn the_addresses_of_one_ipv6_network_are_one() {
    let mut world = World::new();
    for number in 0..5 {
        assert_eq!(world.fail("ada", &format!("2001:db8:0:1::{number}")), 0);
    }
    assert_eq!(world.fail("ada", "2001:db8:0:1:ffff::1"), 1);
    assert_eq!(world.fail("ada", "2001:db8:0:2::1"), 0);
}

#[test]
fn an_address_is_the_same_however_it_is_written() {
    assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
    assert_ne!(network("::ffff:192.0.2.1"), network("::ffff:192.0.2.2"));
}

#[test]
fn a_try_that_came_to_nothing_is_not_counted() {
    let mut world = World::new();
    for _ in 0..100 {
        let begun = world.throttle.begin("ada", network(HERE), world.now).unwrap();
        world.throttle.abandon(begun);
    }
    assert_eq!(world.throttle.entries(), 0);
}

#[test]
fn of_all_refusals_of_a_streak_one_is_to_be_noted() {
    let mut world = World::new();
    let mut first = 0;
    for _ in 0..10_000 {
        let tried = world.throttle.begin("ada", network(HERE), world.now);
        first += u32::from(tried.is_err_and(|refusal| refusal.first));
        world.after(Duration::from_millis(10));
    }
    assert_eq!(first, 1);
    world.after(COUNTER_LIFETIME);
    while let Ok(_begun) = world.throttle.begin("ada", network(HERE), world.now) {}
    assert_eq!(world.fail("ada", HERE), 1);
}

#[test]
fn what_is_remembered_is_bounded_and_the_oldest_goes() {
    let mut world = World::new();
    for number in 0..200_000_u32 {
        let address = IpAddr::from(number.to_be_bytes());
        world.after(Duration::from_micros(1));
        let begun =
            world.throttle.begin(&format!("user{number}"), ClientNetwork::from(Some(address)), world.now).unwrap();
        if number % 2 == 0 {
            world.throttle.succeed(begun, world.now);
        }
    }
    assert!(world.throttle.entries() <= MAX_ENTRIES, "{}", world.throttle.entries());
    // The last ones are still known.
    let last = IpAddr::from(199_999_u32.to_be_bytes()).to_string();
    for _ in 0..4 {
        assert_eq!(world.fail("user199999", &last), 0);
    }
    assert_eq!(world.fail("user199999", &last), 1);
}
