//! Connection state machine: when a stream is opened, closed, retried, or replaced by long polls.
//!
//! No browser types: it takes events with their time and returns what to do. The browser's own reconnecting is not
//! used: it gives up on any status but 200, and does not notice a dead connection. Where a proxy buffers streams, long
//! polls fetch the same events.

use super::{Link, reconnect::Retry};

/// A stream without data for this long is assumed to be buffered on the way, milliseconds.
const SILENT: f64 = 4_000.0;
/// A stream that ends sooner than this without `bye` was cut on the way, milliseconds.
const SHORT: f64 = 1_000.0;
/// The number of such streams in a row after which polls replace the stream.
const SHORTS: u32 = 3;
/// While polls replace the stream, one is tried again after these minutes: first, second, then always the last.
const TRIALS: [f64; 3] = [1.0, 2.0, 5.0];
/// How long a poll waits for events, seconds.
const WAIT: u32 = 25;
/// The shortest time between the starts of two polls, milliseconds.
const GAP: f64 = 250.0;
/// How much later than requested a response may come, milliseconds.
const SLACK: f64 = 10_000.0;
/// How long a page may be hidden before it closes a stream that no other tab shares, milliseconds: browsers open only
/// six connections to one server, for all tabs together.
const HIDDEN: f64 = 2_000.0;
/// The longest pause that is accepted from the server, milliseconds.
const LONGEST: f64 = 300_000.0;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event {
    /// Start; `shared` if the stream also serves other tabs.
    Start {
        /// The stream stays open while this page is hidden.
        shared: bool,
    },
    /// The page is left, or another tab leads.
    Stop,
    /// The stream was opened.
    Opened,
    /// `hello`, with the heartbeat interval, milliseconds.
    Hello(f64),
    /// Any other event.
    Frame,
    /// The server closes the stream and asks for a pause, milliseconds.
    Bye(f64),
    /// The server closes the stream because access was revoked.
    Revoked,
    /// The stream broke; `refused` if the browser would not retry, which means a status other than 200.
    Broken {
        /// There was a response, but no stream.
        refused: bool,
    },
    /// A poll returned a status (0 for none) and a requested pause, milliseconds.
    Answer(u16, Option<f64>),
    /// The topics changed.
    Changed,
    /// Time passed.
    Tick,
    /// The page became visible or hidden.
    Looked(bool),
    /// The browser reports a network, or none.
    Network(bool),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Act {
    Open,
    /// Poll, waiting this many seconds for events.
    Poll(u32),
    /// Close the stream, cancel the poll.
    Close,
    /// Send a tick after this many milliseconds.
    Wait(f64),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Doing {
    Resting,
    /// A stream is open or opening.
    Streaming {
        opened: bool,
        beat: Option<f64>,
    },
    /// A poll is running.
    Asking(Why),
    /// Waits until then, milliseconds; `told` if the server asked for it.
    Waiting {
        until: f64,
        next: Next,
        told: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Why {
    /// A stream was refused.
    Refused,
    /// A stream seems to be buffered.
    HeldBack,
    /// Polls replace the stream.
    Instead,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Next {
    Stream,
    Poll(Why),
}

/// The connection of one browser to the server.
#[derive(Clone, Debug)]
pub struct Connection {
    pub link: Link,
    /// When the server was last heard from, milliseconds.
    pub heard: Option<f64>,
    doing: Doing,
    /// When `doing` began.
    since: f64,
    /// How long the running poll waits for events, seconds.
    asked: u32,
    started: bool,
    shared: bool,
    network: bool,
    unseen_since: Option<f64>,
    retry: Retry,
    /// Streams in a row that were cut short.
    shorts: u32,
    /// While polls replace the stream: the number of streams tried since, and the time of the next try.
    polling: Option<(usize, f64)>,
}

impl Default for Connection {
    fn default() -> Self {
        Self {
            link: Link::Connecting,
            heard: None,
            doing: Doing::Resting,
            since: 0.0,
            asked: 0,
            started: false,
            shared: false,
            network: true,
            unseen_since: None,
            retry: Retry::default(),
            shorts: 0,
            polling: None,
        }
    }
}

impl Connection {
    /// Whether polls replace the stream.
    pub const fn is_polling(&self) -> bool {
        self.polling.is_some()
    }

    /// Whether a stream is open and has sent `hello`.
    pub const fn is_streaming(&self) -> bool {
        matches!(self.doing, Doing::Streaming { beat: Some(_), .. })
    }

    /// Takes an event at `now`, milliseconds, and returns what to do, in order. `random` is uniform in 0..1.
    pub fn take(&mut self, event: Event, now: f64, random: f64) -> Vec<Act> {
        let mut acts = Vec::new();
        // Clocks may be set back.
        self.heard = self.heard.map(|heard| heard.min(now));
        self.since = self.since.min(now);
        match event {
            Event::Start { shared } => {
                self.started = true;
                self.shared = shared;
                if self.doing == Doing::Resting {
                    self.open(now, &mut acts);
                }
            }
            Event::Stop => {
                self.started = false;
                self.rest(Link::Connecting, &mut acts);
            }
            Event::Opened | Event::Hello(_) | Event::Frame | Event::Bye(_) | Event::Revoked | Event::Broken { .. } => {
                if let Doing::Streaming { opened, beat } = self.doing {
                    self.stream(event, (opened, beat), now, random, &mut acts);
                }
            }
            Event::Answer(status, pause) => self.answer(status, pause, now, random, &mut acts),
            Event::Changed => {
                if self.doing == Doing::Asking(Why::Instead) {
                    self.ask(Why::Instead, WAIT, now, &mut acts);
                }
            }
            Event::Tick => self.tick(now, random, &mut acts),
            Event::Looked(at) => {
                self.unseen_since = (!at).then(|| self.unseen_since.unwrap_or(now));
                if at {
                    self.hope(now, &mut acts);
                }
            }
            Event::Network(there) => {
                self.network = there;
                if there {
                    self.hope(now, &mut acts);
                } else if matches!(self.link, Link::Reconnecting) {
                    self.link = Link::Offline;
                }
            }
        }
        acts
    }

    /// Handles an event of the open stream.
    fn stream(&mut self, event: Event, was: (bool, Option<f64>), now: f64, random: f64, acts: &mut Vec<Act>) {
        let lived = now - self.since;
        match event {
            Event::Hello(beat) => {
                self.doing = Doing::Streaming { opened: true, beat: Some(beat) };
                (self.link, self.heard, self.polling) = (Link::Live, Some(now), None);
            }
            Event::Bye(pause) => {
                self.shorts = 0;
                self.retry.lived(lived);
                self.pause(pause, Next::Stream, true, now, acts);
            }
            Event::Revoked => self.pause(0.0, Next::Poll(Why::Refused), false, now, acts),
            Event::Broken { refused } => {
                if lived >= SHORT {
                    self.shorts = 0;
                } else if was.0 && !refused {
                    self.shorts += 1;
                }
                self.retry.lived(if was.1.is_some() { lived } else { 0.0 });
                let next = match () {
                    () if self.is_polling() || self.shorts >= SHORTS => Next::Poll(Why::HeldBack),
                    () if refused => Next::Poll(Why::Refused),
                    () => Next::Stream,
                };
                let wait = self.retry.next(random).as_millis() as f64;
                self.pause(wait, next, false, now, acts);
            }
            _ => {
                self.heard = Some(now);
                if event == Event::Opened {
                    self.doing = Doing::Streaming { opened: true, beat: was.1 };
                } else if self.link == Link::Stale {
                    self.link = Link::Live;
                }
            }
        }
    }

    fn answer(&mut self, status: u16, pause: Option<f64>, now: f64, random: f64, acts: &mut Vec<Act>) {
        let why = match self.doing {
            Doing::Asking(why) => why,
            // The check that runs when the browser reports no network.
            Doing::Streaming { .. } if status == 0 => {
                return acts.append(&mut self.take(Event::Broken { refused: false }, now, random));
            }
            Doing::Streaming { .. } | Doing::Resting | Doing::Waiting { .. } => return,
        };
        match status {
            200 => {
                self.heard = Some(now);
                match why {
                    Why::Refused if self.shorts + 1 < SHORTS => {
                        self.shorts += 1;
                        self.open(now, acts);
                    }
                    // The server responds, so the stream is buffered.
                    Why::Refused | Why::HeldBack => {
                        let trials = self.polling.map_or(0, |(trials, _)| trials + 1);
                        let minutes = TRIALS[trials.min(TRIALS.len() - 1)];
                        self.polling = Some((trials, now + minutes * 60_000.0));
                        self.shorts = 0;
                        self.poll_on(now, acts);
                    }
                    Why::Instead => self.poll_on(now, acts),
                }
            }
            204 => self.rest(Link::Paused, acts),
            // The position was rejected and is forgotten.
            400 => self.open(now, acts),
            401 | 403 => self.rest(Link::SignedOut, acts),
            _ => {
                let told = pause.map(|pause| pause.min(LONGEST) + random * SHORT);
                let own = self.retry.next(random).as_millis() as f64;
                self.pause(own.max(told.unwrap_or(0.0)), Next::Poll(why), told.is_some(), now, acts);
            }
        }
    }

    fn tick(&mut self, now: f64, random: f64, acts: &mut Vec<Act>) {
        let silent = now - self.heard.unwrap_or(now);
        let trial = self.polling.is_some_and(|(_, trial)| now >= trial);
        match self.doing {
            Doing::Streaming { beat: Some(beat), .. } if silent > 3.0 * beat => {
                acts.append(&mut self.take(Event::Broken { refused: false }, now, random));
            }
            Doing::Streaming { beat: Some(beat), .. } if silent > 1.5 * beat => self.link = Link::Stale,
            Doing::Streaming { beat: None, .. } if now - self.since >= SILENT => self.ask(Why::HeldBack, 0, now, acts),
            Doing::Waiting { until, next, .. } if now >= until => match next {
                Next::Stream => self.open(now, acts),
                Next::Poll(Why::Instead) if trial => self.open(now, acts),
                Next::Poll(Why::Instead) if self.link == Link::Polling => self.ask(Why::Instead, WAIT, now, acts),
                Next::Poll(why) => self.ask(why, 0, now, acts),
            },
            Doing::Waiting { until, .. } => acts.push(Act::Wait(until - now)),
            Doing::Asking(_) if now - self.since > f64::from(self.asked) * 1_000.0 + SLACK => {
                acts.append(&mut self.take(Event::Answer(0, None), now, random));
            }
            Doing::Asking(Why::Instead) if trial => self.open(now, acts),
            Doing::Streaming { .. } | Doing::Asking(_) | Doing::Resting => {}
        }
        let unseen = !self.shared && self.unseen_since.is_some_and(|since| now - since >= HIDDEN);
        if unseen && self.doing != Doing::Resting {
            self.rest(Link::Paused, acts);
        }
    }

    /// The network is back, or the page is visible: retries at once, unless the server asked for the pause.
    fn hope(&mut self, now: f64, acts: &mut Vec<Act>) {
        match self.doing {
            Doing::Resting if self.started => self.open(now, acts),
            Doing::Waiting { told: false, next, .. } => {
                self.doing = Doing::Waiting { until: now, next, told: false };
                acts.push(Act::Wait(0.0));
            }
            Doing::Resting | Doing::Waiting { .. } | Doing::Streaming { .. } | Doing::Asking(_) => {}
        }
    }

    fn open(&mut self, now: f64, acts: &mut Vec<Act>) {
        if matches!(self.link, Link::Paused | Link::SignedOut) {
            self.link = Link::Reconnecting;
        }
        self.close(acts);
        (self.doing, self.since) = (Doing::Streaming { opened: false, beat: None }, now);
        acts.push(Act::Open);
    }

    fn ask(&mut self, why: Why, wait: u32, now: f64, acts: &mut Vec<Act>) {
        self.close(acts);
        (self.doing, self.since, self.asked) = (Doing::Asking(why), now, wait);
        acts.push(Act::Poll(wait));
    }

    /// Continues with polls.
    fn poll_on(&mut self, now: f64, acts: &mut Vec<Act>) {
        self.link = Link::Polling;
        self.retry = Retry::default();
        let until = now.max(self.since + GAP);
        self.doing = Doing::Waiting { until, next: Next::Poll(Why::Instead), told: false };
        acts.push(Act::Wait(until - now));
    }

    fn pause(&mut self, wait: f64, next: Next, told: bool, now: f64, acts: &mut Vec<Act>) {
        self.close(acts);
        // A failed trial of a stream does not interrupt the polls.
        if !(self.is_polling() && self.link == Link::Polling && matches!(next, Next::Poll(Why::HeldBack))) {
            self.link = if self.network { Link::Reconnecting } else { Link::Offline };
        }
        self.doing = Doing::Waiting { until: now + wait, next, told };
        acts.push(Act::Wait(wait));
    }

    fn rest(&mut self, link: Link, acts: &mut Vec<Act>) {
        self.close(acts);
        self.link = link;
    }

    fn close(&mut self, acts: &mut Vec<Act>) {
        if matches!(self.doing, Doing::Streaming { .. } | Doing::Asking(_)) {
            acts.push(Act::Close);
        }
        self.doing = Doing::Resting;
    }
}
