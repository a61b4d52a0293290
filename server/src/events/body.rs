//! The body of a stream's answer: takes from the outbox when the connection has room, and not before.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker, ready},
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body::{Body, Frame};
use model::{ByeReason, End, Heartbeat, Seq, StreamEvent};
use rand::Rng;
use tokio::{
    task::coop::has_budget_remaining,
    time::{Instant, Sleep, sleep_until},
};

use super::{
    Pace, Watching,
    ending::Ending,
    farewell::bye,
    opening::{CaughtUp, catch_up},
    places::Place,
    readings::{Readings, Shared},
};
use crate::hub::{Form, Subscription, Taken, Waiting, encode};

/// How a stream begins.
pub(super) struct Start {
    /// Its first words.
    pub(super) hello: Bytes,
    /// The last event its reader knows, where everything since can be told.
    pub(super) after: Option<Seq>,
    /// When it ends by itself, if it does.
    pub(super) ending: Option<Ending>,
    /// Closes it once its reader may no longer hear it.
    pub(super) guard: Option<Watching>,
    /// Counts it.
    pub(super) place: Place,
}

/// One stream. Dropping it frees its places, in the hub and among those there may be.
pub(super) struct StreamBody {
    subscription: Subscription,
    form: Form,
    readings: Arc<Readings>,
    pace: Pace,
    hello: Option<Bytes>,
    /// Under way while the stream begins, or begins anew after it fell behind.
    catching_up: Option<BoxFuture<'static, Shared<CaughtUp>>>,
    ending: Option<Ending>,
    next_heartbeat: Instant,
    rests_until: Instant,
    end_of_life: Instant,
    timer: Pin<Box<Sleep>>,
    /// When the timer is going to wake whom.
    set: Option<(Instant, Waker)>,
    done: bool,
    /// End with the stream.
    _guard: Option<Watching>,
    _place: Place,
}

impl StreamBody {
    pub(super) fn new(subscription: Subscription, readings: Arc<Readings>, pace: Pace, start: Start) -> Self {
        let now = Instant::now();
        let end_of_life = now + pace.lifetime.mul_f64(rand::rng().random_range(0.8..=1.0));
        let mut body = Self {
            form: subscription.outbox.form(),
            subscription,
            readings,
            pace,
            hello: Some(start.hello),
            catching_up: None,
            ending: start.ending,
            next_heartbeat: now + pace.heartbeat,
            rests_until: now,
            end_of_life,
            timer: Box::pin(sleep_until(now + pace.heartbeat)),
            set: None,
            done: false,
            _guard: start.guard,
            _place: start.place,
        };
        body.catch_up(start.after);
        body
    }

    fn catch_up(&mut self, after: Option<Seq>) {
        let Subscription { key, outbox, .. } = &self.subscription;
        let hub = Arc::clone(self.subscription.hub());
        self.catching_up = Some(Box::pin(catch_up(hub, *key, Arc::clone(outbox), Arc::clone(&self.readings), after)));
    }

    /// Waits until the stream is up to date. An error ends it: whoever reads comes back, and perhaps fares better.
    fn poll_caught_up(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(reading) = &mut self.catching_up else { return Poll::Ready(()) };
        match ready!(reading.as_mut().poll(context)) {
            Ok(CaughtUp::Anew(whole)) => {
                if let Some(ending) = &mut self.ending {
                    ending.look_again(whole.position.seq, &whole.jobs);
                }
            }
            Ok(CaughtUp::Missed(_)) => {}
            Err(error) => {
                tracing::warn!(%error, "cannot read what a stream shows; closing it");
                self.done = true;
            }
        }
        self.catching_up = None;
        Poll::Ready(())
    }

    /// The last frame, if it is time for it and nothing else waits.
    fn end(&mut self) -> Option<Bytes> {
        let ending = self.ending.as_ref().filter(|ending| ending.is_over())?;
        self.done = true;
        let cursor = ending.cursor().clone();
        Some(encode(self.form, &StreamEvent::End(End { cursor: cursor.clone() }), Some(&cursor)))
    }

    fn bye(&mut self, reason: ByeReason) -> Bytes {
        self.done = true;
        bye(self.form, reason)
    }

    fn heartbeat(&mut self, now: Instant) -> Bytes {
        self.next_heartbeat = now + self.pace.heartbeat;
        encode(self.form, &StreamEvent::Heartbeat(Heartbeat { at: self.readings.now() }), None)
    }

    /// The next piece of the stream; `None` at its end.
    fn poll_bytes(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if let Some(hello) = self.hello.take() {
            return Poll::Ready(Some(hello));
        }
        loop {
            ready!(self.poll_caught_up(context));
            if self.done {
                return Poll::Ready(None);
            }
            let now = Instant::now();
            if now >= self.end_of_life {
                self.subscription.outbox.close(ByeReason::Lifetime);
            }
            let resting = now < self.rests_until;
            match if resting { self.subscription.outbox.waiting(context) } else { Waiting::Much } {
                Waiting::Nothing => {}
                Waiting::Little => {
                    ready!(self.poll_timer(now, self.rests_until, context));
                    continue;
                }
                Waiting::Much => match self.take(context) {
                    Taken::Frames(bytes, more) => {
                        self.rests_until = if more { now } else { now + self.pace.rest };
                        return Poll::Ready(Some(bytes));
                    }
                    Taken::Overflown => {
                        self.catch_up(None);
                        continue;
                    }
                    Taken::Closing(reason) => return Poll::Ready(Some(self.bye(reason))),
                    Taken::Nothing => {}
                },
            }
            if let Some(end) = self.end() {
                return Poll::Ready(Some(end));
            }
            if now >= self.next_heartbeat {
                return Poll::Ready(Some(self.heartbeat(now)));
            }
            ready!(self.poll_timer(now, self.next_heartbeat.min(self.end_of_life), context));
        }
    }

    fn take(&mut self, context: &Context<'_>) -> Taken {
        let Self { subscription, ending, .. } = self;
        let sent = |event: &_| ending.iter_mut().for_each(|ending| ending.hear(event));
        subscription.outbox.take(true, subscription.hub().epoch(), context, sent)
    }

    /// Waits until `at`. A timer that is set already is left alone, unlooked at: mostly it is far from running out.
    fn poll_timer(&mut self, now: Instant, at: Instant, context: &mut Context<'_>) -> Poll<()> {
        if now < at && self.set.as_ref().is_some_and(|(set, who)| *set == at && who.will_wake(context.waker())) {
            return Poll::Pending;
        }
        if self.timer.deadline() != at {
            self.timer.as_mut().reset(at);
        }
        let ran_out = self.timer.as_mut().poll(context);
        // A task that has had its turn is put off by the timer, too, which is not set then.
        let set = ran_out.is_pending() && has_budget_remaining();
        self.set = set.then(|| (at, context.waker().clone()));
        ran_out
    }
}

impl Body for StreamBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.get_mut().poll_bytes(context).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.done
    }
}
