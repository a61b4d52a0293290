//! Connection state machine, without a browser and without a clock.

use app::live::{
    ConnectionState,
    connection::{Connection, Effect, Event},
};

/// Heartbeat interval, milliseconds.
const BEAT: f64 = 10_000.0;
const BROKEN: Event = Event::Broken { refused: false };
const REFUSED: Event = Event::Broken { refused: true };

/// A connection and the time, milliseconds.
struct Fixture {
    connection: Connection,
    now: f64,
    random: f64,
}

impl Fixture {
    /// A connection that has requested a stream.
    fn started() -> Self {
        let mut fixture = Self { connection: Connection::default(), now: 1_000_000.0, random: 1.0 };
        assert_eq!(fixture.handle(Event::Start { shared: true }), [Effect::Open]);
        fixture
    }

    fn live() -> Self {
        let mut fixture = Self::started();
        fixture.hello();
        fixture
    }

    fn handle(&mut self, event: Event) -> Vec<Effect> {
        self.connection.handle(event, self.now, self.random)
    }

    fn hello(&mut self) {
        assert_eq!(self.handle(Event::Opened), []);
        assert_eq!(self.handle(Event::Hello(BEAT)), []);
        assert_eq!(self.link(), ConnectionState::Live);
    }

    /// Returns the effects within some milliseconds, with a tick each second.
    fn after(&mut self, milliseconds: f64) -> Vec<Effect> {
        let end = self.now + milliseconds;
        let mut effects = Vec::new();
        while self.now < end {
            self.now = end.min(self.now + 1_000.0);
            effects.extend(self.handle(Event::Tick).into_iter().filter(|act| !matches!(act, Effect::Wait(_))));
        }
        effects
    }

    /// Returns the next effect, however long it takes.
    fn next(&mut self) -> Effect {
        for _ in 0..10_000 {
            if let Some(act) = self.after(100.0).first() {
                return *act;
            }
        }
        panic!("nothing is done for 1,000 s");
    }

    fn link(&self) -> ConnectionState {
        self.connection.link
    }

    /// A connection whose streams are buffered.
    fn polling() -> Self {
        let mut fixture = Self::started();
        assert_eq!(fixture.after(4_000.0), [Effect::Close, Effect::Poll(0)]);
        fixture.handle(Event::Answer(200, None));
        assert_eq!(fixture.link(), ConnectionState::Polling);
        fixture
    }
}

#[test]
fn silent_stream_becomes_stale_then_closed() {
    let mut fixture = Fixture::live();
    assert_eq!(fixture.after(14_000.0), []);
    assert_eq!(fixture.link(), ConnectionState::Live);
    assert_eq!(fixture.after(2_000.0), []);
    assert_eq!(fixture.link(), ConnectionState::Stale, "after one and a half heartbeats");
    fixture.handle(Event::Data);
    assert_eq!(fixture.link(), ConnectionState::Live);
    assert_eq!(fixture.after(31_000.0), [Effect::Close], "after three heartbeats");
    assert_eq!(fixture.link(), ConnectionState::Reconnecting);
    assert_eq!(fixture.after(1_000.0), [Effect::Open]);
}

#[test]
fn lost_stream_is_retried_with_growing_jitter() {
    let mut fixture = Fixture::live();
    fixture.now += 60_000.0;
    assert_eq!(fixture.handle(BROKEN), [Effect::Close, Effect::Wait(300.0)]);
    for wait in [1_000.0, 2_000.0, 4_000.0, 8_000.0, 16_000.0, 30_000.0, 30_000.0] {
        fixture.now += 30_000.0;
        assert_eq!(fixture.handle(Event::Tick), [Effect::Open]);
        // No server is listening, so there is no response and nothing is buffered.
        assert_eq!(fixture.handle(BROKEN), [Effect::Close, Effect::Wait(wait)]);
    }
    fixture.random = 0.25;
    fixture.now += 30_000.0;
    fixture.handle(Event::Tick);
    assert_eq!(fixture.handle(BROKEN), [Effect::Close, Effect::Wait(7_500.0)], "anywhere in the range");
}

#[test]
fn refused_stream_is_reopened_after_successful_poll() {
    for status in [429, 500, 502, 503, 504, 0] {
        let mut fixture = Fixture::live();
        fixture.now += 60_000.0;
        assert_eq!(fixture.handle(REFUSED), [Effect::Close, Effect::Wait(300.0)]);
        assert_eq!(fixture.after(300.0), [Effect::Poll(0)], "EventSource hides the status");
        for _ in 0..6 {
            assert_eq!(fixture.handle(Event::Answer(status, None))[0], Effect::Close, "{status}");
            assert_eq!(fixture.link(), ConnectionState::Reconnecting);
            assert_eq!(fixture.next(), Effect::Poll(0));
        }
        fixture.handle(Event::Answer(200, None));
        fixture.hello();
    }
}

#[test]
fn retry_after_is_respected() {
    let mut fixture = Fixture::live();
    fixture.now += 60_000.0;
    fixture.handle(REFUSED);
    fixture.after(300.0);
    assert_eq!(
        fixture.handle(Event::Answer(503, Some(20_000.0))),
        [Effect::Close, Effect::Wait(21_000.0)],
        "spread over a second"
    );
    assert_eq!(fixture.handle(Event::Visible(true)), [], "not even when visible");
    assert_eq!(fixture.after(20_000.0), []);
    assert_eq!(fixture.after(2_000.0), [Effect::Poll(0)]);
    let day = 86_400_000.0;
    assert_eq!(
        fixture.handle(Event::Answer(429, Some(day))),
        [Effect::Close, Effect::Wait(301_000.0)],
        "within reason"
    );

    let mut fixture = Fixture::started();
    assert_eq!(fixture.handle(Event::Bye(30_000.0)), [Effect::Close, Effect::Wait(30_000.0)], "the server is full");
    assert_eq!(fixture.handle(Event::Network(true)), []);
    assert_eq!(fixture.after(30_000.0), [Effect::Open]);
}

#[test]
fn stream_ended_by_bye_is_not_a_failure() {
    let mut fixture = Fixture::live();
    fixture.now += 600_000.0;
    assert_eq!(fixture.handle(Event::Bye(1_500.0)), [Effect::Close, Effect::Wait(1_500.0)]);
    assert_eq!(fixture.after(2_000.0), [Effect::Open]);
    fixture.hello();
    fixture.now += 60_000.0;
    assert_eq!(fixture.handle(BROKEN), [Effect::Close, Effect::Wait(300.0)]);
}

#[test]
fn revoked_stream_signs_out_and_retries_when_visible() {
    let mut fixture = Fixture::live();
    assert_eq!(fixture.handle(Event::Revoked), [Effect::Close, Effect::Wait(0.0)]);
    assert_eq!(fixture.handle(Event::Tick), [Effect::Poll(0)]);
    assert_eq!(fixture.handle(Event::Answer(401, None)), [Effect::Close]);
    assert_eq!(fixture.link(), ConnectionState::SignedOut);
    assert_eq!(fixture.after(600_000.0), [], "and not before");
    assert_eq!(fixture.handle(Event::Visible(true)), [Effect::Open]);
}

#[test]
fn buffered_stream_is_replaced_by_polls() {
    let mut fixture = Fixture::started();
    assert_eq!(fixture.after(3_999.0), []);
    assert_eq!(fixture.after(1.0), [Effect::Close, Effect::Poll(0)]);
    assert_eq!(fixture.link(), ConnectionState::Connecting, "the server may be gone");
    assert_eq!(fixture.handle(Event::Answer(200, None)), [Effect::Wait(250.0)]);
    assert_eq!(fixture.link(), ConnectionState::Polling);
    assert_eq!(fixture.after(250.0), [Effect::Poll(25)]);
    fixture.now += 3_000.0;
    assert_eq!(fixture.handle(Event::Answer(200, None)), [Effect::Wait(0.0)]);
    assert_eq!(fixture.handle(Event::Tick), [Effect::Poll(25)]);
    assert_eq!(fixture.handle(Event::Changed), [Effect::Close, Effect::Poll(25)], "for what is shown now");
}

#[test]
fn silent_stream_of_unreachable_server_is_not_replaced() {
    let mut fixture = Fixture::started();
    fixture.after(4_000.0);
    assert_eq!(fixture.after(11_000.0)[0], Effect::Close, "no answer for ten seconds");
    assert_eq!(fixture.link(), ConnectionState::Reconnecting);
    assert!(!fixture.connection.is_polling());
}

#[test]
fn three_short_streams_are_replaced_by_polls() {
    let mut fixture = Fixture::live();
    for _ in 0..2 {
        fixture.now += 500.0;
        fixture.handle(BROKEN);
        assert_eq!(fixture.next(), Effect::Open);
        fixture.hello();
    }
    fixture.now += 500.0;
    fixture.handle(BROKEN);
    assert_eq!(fixture.next(), Effect::Poll(0));
    fixture.handle(Event::Answer(200, None));
    assert_eq!(fixture.link(), ConnectionState::Polling);

    let mut fixture = Fixture::live();
    for _ in 0..9 {
        fixture.now += 2_000.0;
        fixture.handle(BROKEN);
        assert_eq!(fixture.next(), Effect::Open, "longer ones are not");
        fixture.hello();
    }
}

#[test]
fn polling_tries_a_stream_after_1_2_and_5_minutes() {
    let mut fixture = Fixture::polling();
    for minutes in [1.0, 2.0, 5.0, 5.0] {
        let tried = fixture.now + minutes * 60_000.0;
        while fixture.next() != Effect::Open {
            fixture.handle(Event::Answer(200, None));
        }
        assert!((tried - 1_000.0..tried + 3_000.0).contains(&fixture.now), "{minutes} min");
        assert_eq!(fixture.link(), ConnectionState::Polling, "until it is known to get through");
        assert_eq!(fixture.after(4_000.0), [Effect::Close, Effect::Poll(0)]);
        fixture.handle(Event::Answer(200, None));
        assert_eq!(fixture.link(), ConnectionState::Polling);
    }
    while fixture.next() != Effect::Open {
        fixture.handle(Event::Answer(200, None));
    }
    fixture.hello();
    assert!(!fixture.connection.is_polling());
}

#[test]
fn failed_poll_is_retried_and_shown_as_reconnecting() {
    let mut fixture = Fixture::polling();
    fixture.after(250.0);
    assert_eq!(fixture.handle(Event::Answer(502, None))[0], Effect::Close);
    assert_eq!(fixture.link(), ConnectionState::Reconnecting);
    assert_eq!(fixture.after(1_000.0), [Effect::Poll(0)], "without a wait, to know soon");
    fixture.handle(Event::Answer(200, None));
    assert_eq!(fixture.link(), ConnectionState::Polling);
    assert_eq!(fixture.after(1_000.0), [Effect::Poll(25)]);
    assert_eq!(fixture.after(34_000.0), []);
    assert_eq!(fixture.after(2_000.0)[0], Effect::Close, "an answer that does not come");
}

#[test]
fn missing_network_is_shown_and_retried_on_return() {
    let mut fixture = Fixture::live();
    fixture.handle(Event::Network(false));
    assert_eq!(fixture.link(), ConnectionState::Live, "a server on this machine needs none");
    fixture.now += 60_000.0;
    fixture.handle(BROKEN);
    assert_eq!(fixture.link(), ConnectionState::Offline);
    fixture.after(300.0);
    fixture.handle(BROKEN);
    fixture.now += 10.0;
    assert_eq!(fixture.handle(Event::Network(true)), [Effect::Wait(0.0)]);
    assert_eq!(fixture.handle(Event::Tick), [Effect::Open], "at once");
}

#[test]
fn unshared_stream_is_closed_while_hidden() {
    let mut fixture = Fixture { connection: Connection::default(), now: 0.0, random: 1.0 };
    fixture.handle(Event::Start { shared: false });
    fixture.hello();
    fixture.handle(Event::Visible(false));
    assert_eq!(fixture.after(1_500.0), []);
    assert_eq!(fixture.after(500.0), [Effect::Close]);
    assert_eq!(fixture.link(), ConnectionState::Paused);
    assert_eq!(fixture.after(100_000.0), []);
    assert_eq!(fixture.handle(Event::Visible(true)), [Effect::Open]);

    let mut shared = Fixture::live();
    shared.handle(Event::Visible(false));
    assert_eq!(shared.after(10_000.0), [], "others may be looked at");
    assert_eq!(shared.link(), ConnectionState::Live);
}

#[test]
fn left_page_closes_stream_and_reopens_on_return() {
    let mut fixture = Fixture::live();
    assert_eq!(fixture.handle(Event::Stop), [Effect::Close]);
    assert_eq!(fixture.after(100_000.0), []);
    assert_eq!(fixture.handle(Event::Visible(true)), [], "another tab may lead");
    assert_eq!(fixture.handle(Event::Start { shared: true }), [Effect::Open]);
}

#[test]
fn clock_change_costs_at_most_one_stream() {
    let mut fixture = Fixture::live();
    fixture.now -= 3_600_000.0;
    assert_eq!(fixture.after(14_000.0), []);
    assert_eq!(fixture.after(20_000.0), [Effect::Close, Effect::Open], "silence is counted from then");
    fixture.hello();
    fixture.now += 3_600_000.0;
    assert_eq!(fixture.handle(Event::Tick)[0], Effect::Close);
    assert_eq!(fixture.after(300.0), [Effect::Open]);
    fixture.hello();
}
