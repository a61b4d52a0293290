//! Connection state machine: when a stream is opened, closed, retried, or replaced by long polls.
//!
//! No browser types: it takes events with their time and returns what to do. The browser's own reconnecting is not
//! used: it gives up on any status but 200, and does not notice a dead connection. Where a proxy buffers streams, long
//! polls fetch the same events.

use super::{ConnectionState, reconnect::Retry};

/// A stream without data for this long is assumed to be buffered on the way, milliseconds.
const BUFFERED_AFTER: f64 = 4_000.0;
/// A stream that ends sooner than this without `bye` was cut on the way, milliseconds.
const SHORT_STREAM: f64 = 1_000.0;
/// The number of such streams in a row after which polls replace the stream.
const MAX_SHORT_STREAMS: u32 = 3;
/// While polls replace the stream, one is tried again after these minutes: first, second, then always the last.
const TRIAL_MINUTES: [f64; 3] = [1.0, 2.0, 5.0];
/// How long a poll waits for events, seconds.
const POLL_WAIT: u32 = 25;
/// The shortest time between the starts of two polls, milliseconds.
const POLL_INTERVAL: f64 = 250.0;
/// How much later than requested a response may come, milliseconds.
const RESPONSE_SLACK: f64 = 10_000.0;
/// How long a page may be hidden before it closes a stream that no other tab shares, milliseconds: browsers open only
/// six connections to one server, for all tabs together.
const HIDDEN_LIMIT: f64 = 2_000.0;
/// The longest pause that is accepted from the server, milliseconds.
const MAX_PAUSE: f64 = 300_000.0;

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
    Data,
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
    Visible(bool),
    /// The browser reports a network, or none.
    Network(bool),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Effect {
    Open,
    /// Poll, waiting this many seconds for events.
    Poll(u32),
    /// Close the stream, cancel the poll.
    Close,
    /// Send a tick after this many milliseconds.
    Wait(f64),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    Idle,
    /// A stream is open or opening.
    Streaming {
        opened: bool,
        beat: Option<f64>,
    },
    /// A poll is running.
    Polling(PollReason),
    /// Waits until then, milliseconds; `told` if the server asked for it.
    Waiting {
        until: f64,
        next: Next,
        by_server: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum PollReason {
    /// A stream was refused.
    Refused,
    /// A stream seems to be buffered.
    Buffered,
    /// Polls replace the stream.
    Replacement,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Next {
    Stream,
    Poll(PollReason),
}

/// The connection of one browser to the server.
#[derive(Clone, Debug)]
pub struct Connection {
    pub link: ConnectionState,
    /// When the server was last heard from, milliseconds.
    pub last_heard: Option<f64>,
    phase: Phase,
    /// When `phase` began.
    since: f64,
    /// How long the running poll waits for events, seconds.
    asked: u32,
    started: bool,
    shared: bool,
    network: bool,
    hidden_since: Option<f64>,
    retry: Retry,
    /// Streams in a row that were cut short.
    short_streams: u32,
    /// While polls replace the stream: the number of streams tried since, and the time of the next try.
    polling: Option<(usize, f64)>,
}

impl Default for Connection {
    fn default() -> Self {
        Self {
            link: ConnectionState::Connecting,
            last_heard: None,
            phase: Phase::Idle,
            since: 0.0,
            asked: 0,
            started: false,
            shared: false,
            network: true,
            hidden_since: None,
            retry: Retry::default(),
            short_streams: 0,
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
        matches!(self.phase, Phase::Streaming { beat: Some(_), .. })
    }

    /// Takes an event at `now`, milliseconds, and returns what to do, in order. `random` is uniform in 0..1.
    pub fn handle(&mut self, event: Event, now: f64, random: f64) -> Vec<Effect> {
        let mut effects = Vec::new();
        // Clocks may be set back.
        self.last_heard = self.last_heard.map(|last_heard| last_heard.min(now));
        self.since = self.since.min(now);
        match event {
            Event::Start { shared } => {
                self.started = true;
                self.shared = shared;
                if self.phase == Phase::Idle {
                    self.open(now, &mut effects);
                }
            }
            Event::Stop => {
                self.started = false;
                self.stop(ConnectionState::Connecting, &mut effects);
            }
            Event::Opened | Event::Hello(_) | Event::Data | Event::Bye(_) | Event::Revoked | Event::Broken { .. } => {
                if let Phase::Streaming { opened, beat } = self.phase {
                    self.stream(event, (opened, beat), now, random, &mut effects);
                }
            }
            Event::Answer(status, pause) => self.answer(status, pause, now, random, &mut effects),
            Event::Changed => {
                if self.phase == Phase::Polling(PollReason::Replacement) {
                    self.start_poll(PollReason::Replacement, POLL_WAIT, now, &mut effects);
                }
            }
            Event::Tick => self.tick(now, random, &mut effects),
            Event::Visible(at) => {
                self.hidden_since = (!at).then(|| self.hidden_since.unwrap_or(now));
                if at {
                    self.retry_now(now, &mut effects);
                }
            }
            Event::Network(there) => {
                self.network = there;
                if there {
                    self.retry_now(now, &mut effects);
                } else if matches!(self.link, ConnectionState::Reconnecting) {
                    self.link = ConnectionState::Offline;
                }
            }
        }
        effects
    }

    /// Handles an event of the open stream.
    fn stream(&mut self, event: Event, was: (bool, Option<f64>), now: f64, random: f64, effects: &mut Vec<Effect>) {
        let lived = now - self.since;
        match event {
            Event::Hello(beat) => {
                self.phase = Phase::Streaming { opened: true, beat: Some(beat) };
                (self.link, self.last_heard, self.polling) = (ConnectionState::Live, Some(now), None);
            }
            Event::Bye(pause) => {
                self.short_streams = 0;
                self.retry.lived(lived);
                self.pause(pause, Next::Stream, true, now, effects);
            }
            Event::Revoked => self.pause(0.0, Next::Poll(PollReason::Refused), false, now, effects),
            Event::Broken { refused } => {
                if lived >= SHORT_STREAM {
                    self.short_streams = 0;
                } else if was.0 && !refused {
                    self.short_streams += 1;
                }
                self.retry.lived(if was.1.is_some() { lived } else { 0.0 });
                let next = match () {
                    () if self.is_polling() || self.short_streams >= MAX_SHORT_STREAMS => {
                        Next::Poll(PollReason::Buffered)
                    }
                    () if refused => Next::Poll(PollReason::Refused),
                    () => Next::Stream,
                };
                let wait = self.retry.next(random).as_millis() as f64;
                self.pause(wait, next, false, now, effects);
            }
            _ => {
                self.last_heard = Some(now);
                if event == Event::Opened {
                    self.phase = Phase::Streaming { opened: true, beat: was.1 };
                } else if self.link == ConnectionState::Stale {
                    self.link = ConnectionState::Live;
                }
            }
        }
    }

    fn answer(&mut self, status: u16, pause: Option<f64>, now: f64, random: f64, effects: &mut Vec<Effect>) {
        let why = match self.phase {
            Phase::Polling(why) => why,
            // The check that runs when the browser reports no network.
            Phase::Streaming { .. } if status == 0 => {
                return effects.append(&mut self.handle(Event::Broken { refused: false }, now, random));
            }
            Phase::Streaming { .. } | Phase::Idle | Phase::Waiting { .. } => return,
        };
        match status {
            200 => {
                self.last_heard = Some(now);
                match why {
                    PollReason::Refused if self.short_streams + 1 < MAX_SHORT_STREAMS => {
                        self.short_streams += 1;
                        self.open(now, effects);
                    }
                    // The server responds, so the stream is buffered.
                    PollReason::Refused | PollReason::Buffered => {
                        let trials = self.polling.map_or(0, |(trials, _)| trials + 1);
                        let minutes = TRIAL_MINUTES[trials.min(TRIAL_MINUTES.len() - 1)];
                        self.polling = Some((trials, now + minutes * 60_000.0));
                        self.short_streams = 0;
                        self.continue_polling(now, effects);
                    }
                    PollReason::Replacement => self.continue_polling(now, effects),
                }
            }
            204 => self.stop(ConnectionState::Paused, effects),
            // The position was rejected and is forgotten.
            400 => self.open(now, effects),
            401 | 403 => self.stop(ConnectionState::SignedOut, effects),
            _ => {
                let told = pause.map(|pause| pause.min(MAX_PAUSE) + random * SHORT_STREAM);
                let own = self.retry.next(random).as_millis() as f64;
                self.pause(own.max(told.unwrap_or(0.0)), Next::Poll(why), told.is_some(), now, effects);
            }
        }
    }

    fn tick(&mut self, now: f64, random: f64, effects: &mut Vec<Effect>) {
        let silent = now - self.last_heard.unwrap_or(now);
        let trial = self.polling.is_some_and(|(_, trial)| now >= trial);
        match self.phase {
            Phase::Streaming { beat: Some(beat), .. } if silent > 3.0 * beat => {
                effects.append(&mut self.handle(Event::Broken { refused: false }, now, random));
            }
            Phase::Streaming { beat: Some(beat), .. } if silent > 1.5 * beat => self.link = ConnectionState::Stale,
            Phase::Streaming { beat: None, .. } if now - self.since >= BUFFERED_AFTER => {
                self.start_poll(PollReason::Buffered, 0, now, effects);
            }
            Phase::Waiting { until, next, .. } if now >= until => match next {
                Next::Stream => self.open(now, effects),
                Next::Poll(PollReason::Replacement) if trial => self.open(now, effects),
                Next::Poll(PollReason::Replacement) if self.link == ConnectionState::Polling => {
                    self.start_poll(PollReason::Replacement, POLL_WAIT, now, effects);
                }
                Next::Poll(why) => self.start_poll(why, 0, now, effects),
            },
            Phase::Waiting { until, .. } => effects.push(Effect::Wait(until - now)),
            Phase::Polling(_) if now - self.since > f64::from(self.asked) * 1_000.0 + RESPONSE_SLACK => {
                effects.append(&mut self.handle(Event::Answer(0, None), now, random));
            }
            Phase::Polling(PollReason::Replacement) if trial => self.open(now, effects),
            Phase::Streaming { .. } | Phase::Polling(_) | Phase::Idle => {}
        }
        let hidden = !self.shared && self.hidden_since.is_some_and(|since| now - since >= HIDDEN_LIMIT);
        if hidden && self.phase != Phase::Idle {
            self.stop(ConnectionState::Paused, effects);
        }
    }

    /// The network is back, or the page is visible: retries at once, unless the server asked for the pause.
    fn retry_now(&mut self, now: f64, effects: &mut Vec<Effect>) {
        match self.phase {
            Phase::Idle if self.started => self.open(now, effects),
            Phase::Waiting { by_server: false, next, .. } => {
                self.phase = Phase::Waiting { until: now, next, by_server: false };
                effects.push(Effect::Wait(0.0));
            }
            Phase::Idle | Phase::Waiting { .. } | Phase::Streaming { .. } | Phase::Polling(_) => {}
        }
    }

    fn open(&mut self, now: f64, effects: &mut Vec<Effect>) {
        if matches!(self.link, ConnectionState::Paused | ConnectionState::SignedOut) {
            self.link = ConnectionState::Reconnecting;
        }
        self.close(effects);
        (self.phase, self.since) = (Phase::Streaming { opened: false, beat: None }, now);
        effects.push(Effect::Open);
    }

    fn start_poll(&mut self, why: PollReason, wait: u32, now: f64, effects: &mut Vec<Effect>) {
        self.close(effects);
        (self.phase, self.since, self.asked) = (Phase::Polling(why), now, wait);
        effects.push(Effect::Poll(wait));
    }

    /// Continues with polls.
    fn continue_polling(&mut self, now: f64, effects: &mut Vec<Effect>) {
        self.link = ConnectionState::Polling;
        self.retry = Retry::default();
        let until = now.max(self.since + POLL_INTERVAL);
        self.phase = Phase::Waiting { until, next: Next::Poll(PollReason::Replacement), by_server: false };
        effects.push(Effect::Wait(until - now));
    }

    fn pause(&mut self, wait: f64, next: Next, by_server: bool, now: f64, effects: &mut Vec<Effect>) {
        self.close(effects);
        // A failed trial of a stream does not interrupt the polls.
        if !(self.is_polling()
            && self.link == ConnectionState::Polling
            && matches!(next, Next::Poll(PollReason::Buffered)))
        {
            self.link = if self.network { ConnectionState::Reconnecting } else { ConnectionState::Offline };
        }
        self.phase = Phase::Waiting { until: now + wait, next, by_server };
        effects.push(Effect::Wait(wait));
    }

    fn stop(&mut self, link: ConnectionState, effects: &mut Vec<Effect>) {
        self.close(effects);
        self.link = link;
    }

    fn close(&mut self, effects: &mut Vec<Effect>) {
        if matches!(self.phase, Phase::Streaming { .. } | Phase::Polling(_)) {
            effects.push(Effect::Close);
        }
        self.phase = Phase::Idle;
    }
}
