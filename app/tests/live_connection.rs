//! What becomes of the link to the server, decided without a browser and without a clock.

use app::live::{
    Link,
    connection::{Act, Connection, Event},
};

/// Heartbeats come this often, milliseconds.
const BEAT: f64 = 10_000.0;
const BROKEN: Event = Event::Broken { refused: false };
const REFUSED: Event = Event::Broken { refused: true };

/// A connection and the time, milliseconds.
struct Line {
    connection: Connection,
    now: f64,
    random: f64,
}

impl Line {
    /// One that has been started, and has asked for a stream.
    fn started() -> Self {
        let mut line = Self { connection: Connection::default(), now: 1_000_000.0, random: 1.0 };
        assert_eq!(line.take(Event::Start { shared: true }), [Act::Open]);
        line
    }

    fn live() -> Self {
        let mut line = Self::started();
        line.says_hello();
        line
    }

    fn take(&mut self, event: Event) -> Vec<Act> {
        self.connection.take(event, self.now, self.random)
    }

    fn says_hello(&mut self) {
        assert_eq!(self.take(Event::Opened), []);
        assert_eq!(self.take(Event::Hello(BEAT)), []);
        assert_eq!(self.link(), Link::Live);
    }

    /// What is done at the end of some milliseconds, with a look at the clock each second.
    fn after(&mut self, milliseconds: f64) -> Vec<Act> {
        let end = self.now + milliseconds;
        let mut acts = Vec::new();
        while self.now < end {
            self.now = end.min(self.now + 1_000.0);
            acts.extend(self.take(Event::Tick).into_iter().filter(|act| !matches!(act, Act::Wait(_))));
        }
        acts
    }

    /// What is done next, however long that takes.
    fn next(&mut self) -> Act {
        for _ in 0..10_000 {
            if let Some(act) = self.after(100.0).first() {
                return *act;
            }
        }
        panic!("nothing is done for 1,000 s");
    }

    fn link(&self) -> Link {
        self.connection.link
    }

    /// One whose streams are held back on their way.
    fn polling() -> Self {
        let mut line = Self::started();
        assert_eq!(line.after(4_000.0), [Act::Close, Act::Poll(0)]);
        line.take(Event::Answer(200, None));
        assert_eq!(line.link(), Link::Polling);
        line
    }
}

#[test]
fn a_stream_that_is_heard_is_live_and_one_that_is_silent_is_stale_and_then_dead() {
    let mut line = Line::live();
    assert_eq!(line.after(14_000.0), []);
    assert_eq!(line.link(), Link::Live);
    assert_eq!(line.after(2_000.0), []);
    assert_eq!(line.link(), Link::Stale, "after one and a half heartbeats");
    line.take(Event::Frame);
    assert_eq!(line.link(), Link::Live);
    assert_eq!(line.after(31_000.0), [Act::Close], "after three heartbeats");
    assert_eq!(line.link(), Link::Reconnecting);
    assert_eq!(line.after(1_000.0), [Act::Open]);
}

#[test]
fn the_first_retry_comes_within_300_ms_and_later_ones_back_off_with_jitter() {
    let mut line = Line::live();
    line.now += 60_000.0;
    assert_eq!(line.take(BROKEN), [Act::Close, Act::Wait(300.0)]);
    for wait in [1_000.0, 2_000.0, 4_000.0, 8_000.0, 16_000.0, 30_000.0, 30_000.0] {
        line.now += 30_000.0;
        assert_eq!(line.take(Event::Tick), [Act::Open]);
        // Nothing listens there: no answer, so nothing is held back either.
        assert_eq!(line.take(BROKEN), [Act::Close, Act::Wait(wait)]);
    }
    line.random = 0.25;
    line.now += 30_000.0;
    line.take(Event::Tick);
    assert_eq!(line.take(BROKEN), [Act::Close, Act::Wait(7_500.0)], "anywhere in the range");
}

#[test]
fn a_refused_stream_is_asked_about_and_comes_back_when_the_server_answers() {
    for status in [429, 500, 502, 503, 504, 0] {
        let mut line = Line::live();
        line.now += 60_000.0;
        assert_eq!(line.take(REFUSED), [Act::Close, Act::Wait(300.0)]);
        assert_eq!(line.after(300.0), [Act::Poll(0)], "EventSource does not tell the status");
        for _ in 0..6 {
            assert_eq!(line.take(Event::Answer(status, None))[0], Act::Close, "{status}");
            assert_eq!(line.link(), Link::Reconnecting);
            assert_eq!(line.next(), Act::Poll(0));
        }
        line.take(Event::Answer(200, None));
        line.says_hello();
    }
}

#[test]
fn a_server_that_asks_for_a_pause_gets_it() {
    let mut line = Line::live();
    line.now += 60_000.0;
    line.take(REFUSED);
    line.after(300.0);
    assert_eq!(
        line.take(Event::Answer(503, Some(20_000.0))),
        [Act::Close, Act::Wait(21_000.0)],
        "spread over a second"
    );
    assert_eq!(line.take(Event::Looked(true)), [], "not even if somebody looks");
    assert_eq!(line.after(20_000.0), []);
    assert_eq!(line.after(2_000.0), [Act::Poll(0)]);
    let day = 86_400_000.0;
    assert_eq!(line.take(Event::Answer(429, Some(day))), [Act::Close, Act::Wait(301_000.0)], "within reason");

    let mut line = Line::started();
    assert_eq!(line.take(Event::Bye(30_000.0)), [Act::Close, Act::Wait(30_000.0)], "the server is full");
    assert_eq!(line.take(Event::Network(true)), []);
    assert_eq!(line.after(30_000.0), [Act::Open]);
}

#[test]
fn a_stream_that_ends_with_a_word_is_no_failure() {
    let mut line = Line::live();
    line.now += 600_000.0;
    assert_eq!(line.take(Event::Bye(1_500.0)), [Act::Close, Act::Wait(1_500.0)]);
    assert_eq!(line.after(2_000.0), [Act::Open]);
    line.says_hello();
    line.now += 60_000.0;
    assert_eq!(line.take(BROKEN), [Act::Close, Act::Wait(300.0)]);
}

#[test]
fn whoever_may_not_listen_any_more_is_told_so_and_asks_again_when_somebody_looks() {
    let mut line = Line::live();
    assert_eq!(line.take(Event::Revoked), [Act::Close, Act::Wait(0.0)]);
    assert_eq!(line.take(Event::Tick), [Act::Poll(0)]);
    assert_eq!(line.take(Event::Answer(401, None)), [Act::Close]);
    assert_eq!(line.link(), Link::SignedOut);
    assert_eq!(line.after(600_000.0), [], "and not before");
    assert_eq!(line.take(Event::Looked(true)), [Act::Open]);
}

#[test]
fn a_stream_that_says_nothing_is_held_back_and_polls_stand_in() {
    let mut line = Line::started();
    assert_eq!(line.after(3_999.0), []);
    assert_eq!(line.after(1.0), [Act::Close, Act::Poll(0)]);
    assert_eq!(line.link(), Link::Connecting, "the server may be gone");
    assert_eq!(line.take(Event::Answer(200, None)), [Act::Wait(250.0)]);
    assert_eq!(line.link(), Link::Polling);
    assert_eq!(line.after(250.0), [Act::Poll(25)]);
    line.now += 3_000.0;
    assert_eq!(line.take(Event::Answer(200, None)), [Act::Wait(0.0)]);
    assert_eq!(line.take(Event::Tick), [Act::Poll(25)]);
    assert_eq!(line.take(Event::Changed), [Act::Close, Act::Poll(25)], "for what is shown now");
}

#[test]
fn a_silent_stream_of_a_server_that_does_not_answer_is_only_lost() {
    let mut line = Line::started();
    line.after(4_000.0);
    assert_eq!(line.after(11_000.0)[0], Act::Close, "no answer for ten seconds");
    assert_eq!(line.link(), Link::Reconnecting);
    assert!(!line.connection.is_polling());
}

#[test]
fn three_streams_cut_short_are_believed() {
    let mut line = Line::live();
    for _ in 0..2 {
        line.now += 500.0;
        line.take(BROKEN);
        assert_eq!(line.next(), Act::Open);
        line.says_hello();
    }
    line.now += 500.0;
    line.take(BROKEN);
    assert_eq!(line.next(), Act::Poll(0));
    line.take(Event::Answer(200, None));
    assert_eq!(line.link(), Link::Polling);

    let mut line = Line::live();
    for _ in 0..9 {
        line.now += 2_000.0;
        line.take(BROKEN);
        assert_eq!(line.next(), Act::Open, "longer ones are not");
        line.says_hello();
    }
}

#[test]
fn a_stream_is_tried_again_after_one_two_and_then_every_five_minutes() {
    let mut line = Line::polling();
    for minutes in [1.0, 2.0, 5.0, 5.0] {
        let tried = line.now + minutes * 60_000.0;
        while line.next() != Act::Open {
            line.take(Event::Answer(200, None));
        }
        assert!((tried - 1_000.0..tried + 3_000.0).contains(&line.now), "{minutes} min");
        assert_eq!(line.link(), Link::Polling, "until it is known to get through");
        assert_eq!(line.after(4_000.0), [Act::Close, Act::Poll(0)]);
        line.take(Event::Answer(200, None));
        assert_eq!(line.link(), Link::Polling);
    }
    while line.next() != Act::Open {
        line.take(Event::Answer(200, None));
    }
    line.says_hello();
    assert!(!line.connection.is_polling());
}

#[test]
fn polls_that_fail_are_made_again_and_say_that_the_server_is_away() {
    let mut line = Line::polling();
    line.after(250.0);
    assert_eq!(line.take(Event::Answer(502, None))[0], Act::Close);
    assert_eq!(line.link(), Link::Reconnecting);
    assert_eq!(line.after(1_000.0), [Act::Poll(0)], "without a wait, to know soon");
    line.take(Event::Answer(200, None));
    assert_eq!(line.link(), Link::Polling);
    assert_eq!(line.after(1_000.0), [Act::Poll(25)]);
    assert_eq!(line.after(34_000.0), []);
    assert_eq!(line.after(2_000.0)[0], Act::Close, "an answer that does not come");
}

#[test]
fn without_a_network_the_page_says_so_and_comes_back_with_it() {
    let mut line = Line::live();
    line.take(Event::Network(false));
    assert_eq!(line.link(), Link::Live, "a server on this machine needs none");
    line.now += 60_000.0;
    line.take(BROKEN);
    assert_eq!(line.link(), Link::Offline);
    line.after(300.0);
    line.take(BROKEN);
    line.now += 10.0;
    assert_eq!(line.take(Event::Network(true)), [Act::Wait(0.0)]);
    assert_eq!(line.take(Event::Tick), [Act::Open], "at once");
}

#[test]
fn a_stream_of_one_tab_alone_is_let_go_when_nobody_looks() {
    let mut line = Line { connection: Connection::default(), now: 0.0, random: 1.0 };
    line.take(Event::Start { shared: false });
    line.says_hello();
    line.take(Event::Looked(false));
    assert_eq!(line.after(1_500.0), []);
    assert_eq!(line.after(500.0), [Act::Close]);
    assert_eq!(line.link(), Link::Paused);
    assert_eq!(line.after(100_000.0), []);
    assert_eq!(line.take(Event::Looked(true)), [Act::Open]);

    let mut shared = Line::live();
    shared.take(Event::Looked(false));
    assert_eq!(shared.after(10_000.0), [], "others may be looked at");
    assert_eq!(shared.link(), Link::Live);
}

#[test]
fn a_page_that_is_left_holds_nothing_and_begins_anew_when_it_is_come_back_to() {
    let mut line = Line::live();
    assert_eq!(line.take(Event::Stop), [Act::Close]);
    assert_eq!(line.after(100_000.0), []);
    assert_eq!(line.take(Event::Looked(true)), [], "another tab may lead");
    assert_eq!(line.take(Event::Start { shared: true }), [Act::Open]);
}

#[test]
fn a_clock_that_is_put_forward_or_back_costs_one_stream_at_most() {
    let mut line = Line::live();
    line.now -= 3_600_000.0;
    assert_eq!(line.after(14_000.0), []);
    assert_eq!(line.after(20_000.0), [Act::Close, Act::Open], "silence is counted from then");
    line.says_hello();
    line.now += 3_600_000.0;
    assert_eq!(line.take(Event::Tick)[0], Act::Close);
    assert_eq!(line.after(300.0), [Act::Open]);
    line.says_hello();
}
