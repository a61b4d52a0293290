//! The response body of an event stream. Backpressure: it takes from the outbox only when the connection has room, so it
//! sends the newest there is.

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
    StreamTiming,
    bye::bye,
    connect::{CaughtUp, catch_up},
    encoding::{Encoding, encode},
    hub::Subscription,
    outbox::{Backlog, Taken},
    revoke::RevocationGuard,
    snapshot_reader::{Shared, SnapshotReader},
    until_end::UntilEnd,
};
use crate::limits::StreamPermit;

/// The start of a stream.
pub(super) struct Start {
    /// The first event, encoded.
    pub(super) hello: Bytes,
    /// The last event that the client has, if later ones can be replayed.
    pub(super) after: Option<Seq>,
    pub(super) until_end: Option<UntilEnd>,
    pub(super) revocation: Option<RevocationGuard>,
    pub(super) permit: StreamPermit,
}

/// One stream. Its subscription and permit end with it.
pub(super) struct StreamBody {
    subscription: Subscription,
    encoding: Encoding,
    reader: Arc<SnapshotReader>,
    timing: StreamTiming,
    hello: Option<Bytes>,
    /// Pending while the stream begins, or begins again after an overflow.
    catching_up: Option<BoxFuture<'static, Shared<CaughtUp>>>,
    until_end: Option<UntilEnd>,
    next_heartbeat: Instant,
    coalesce_until: Instant,
    expires_at: Instant,
    timer: Pin<Box<Sleep>>,
    /// When the timer will wake which task.
    timer_set: Option<(Instant, Waker)>,
    done: bool,
    _revocation: Option<RevocationGuard>,
    _permit: StreamPermit,
}

impl StreamBody {
    pub(super) fn new(
        subscription: Subscription,
        reader: Arc<SnapshotReader>,
        timing: StreamTiming,
        start: Start,
    ) -> Self {
        let now = Instant::now();
        let expires_at = now + timing.lifetime.mul_f64(rand::rng().random_range(0.8..=1.0));
        let mut body = Self {
            encoding: subscription.outbox.encoding(),
            subscription,
            reader,
            timing,
            hello: Some(start.hello),
            catching_up: None,
            until_end: start.until_end,
            next_heartbeat: now + timing.heartbeat,
            coalesce_until: now,
            expires_at,
            timer: Box::pin(sleep_until(now + timing.heartbeat)),
            timer_set: None,
            done: false,
            _revocation: start.revocation,
            _permit: start.permit,
        };
        body.catch_up(start.after);
        body
    }

    fn catch_up(&mut self, after: Option<Seq>) {
        let Subscription { key, outbox, .. } = &self.subscription;
        let hub = Arc::clone(self.subscription.hub());
        self.catching_up = Some(Box::pin(catch_up(hub, *key, Arc::clone(outbox), Arc::clone(&self.reader), after)));
    }

    /// Waits until the stream is up to date. An error ends it: the client reconnects and may be luckier.
    fn poll_caught_up(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(catching_up) = &mut self.catching_up else { return Poll::Ready(()) };
        match ready!(catching_up.as_mut().poll(context)) {
            Ok(CaughtUp::Snapshot(snapshot)) => {
                if let Some(until_end) = &mut self.until_end {
                    until_end.reset(snapshot.position.seq, &snapshot.jobs);
                }
            }
            Ok(CaughtUp::Replay(_)) => {}
            Err(error) => {
                tracing::warn!(%error, "cannot read a snapshot for an event stream; closing the stream");
                self.done = true;
            }
        }
        self.catching_up = None;
        Poll::Ready(())
    }

    /// Encodes the `end` event if all jobs of `until=end` have ended.
    fn end(&mut self) -> Option<Bytes> {
        let until_end = self.until_end.as_ref().filter(|until_end| until_end.all_ended())?;
        self.done = true;
        let cursor = until_end.cursor().clone();
        Some(encode(self.encoding, &StreamEvent::End(End { cursor: cursor.clone() }), Some(&cursor)))
    }

    fn bye(&mut self, reason: ByeReason) -> Bytes {
        self.done = true;
        bye(self.encoding, reason)
    }

    fn heartbeat(&mut self, now: Instant) -> Bytes {
        self.next_heartbeat = now + self.timing.heartbeat;
        encode(self.encoding, &StreamEvent::Heartbeat(Heartbeat { at: self.reader.now() }), None)
    }

    /// Returns the next bytes; `None` at the end.
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
            if now >= self.expires_at {
                self.subscription.outbox.close(ByeReason::Lifetime);
            }
            let coalescing = now < self.coalesce_until;
            match if coalescing { self.subscription.outbox.backlog(context) } else { Backlog::Due } {
                Backlog::Empty => {}
                Backlog::Partial => {
                    ready!(self.poll_timer(now, self.coalesce_until, context));
                    continue;
                }
                Backlog::Due => match self.take(context) {
                    Taken::Frames(bytes, more) => {
                        self.coalesce_until = if more { now } else { now + self.timing.coalesce };
                        return Poll::Ready(Some(bytes));
                    }
                    Taken::Overflowed => {
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
            ready!(self.poll_timer(now, self.next_heartbeat.min(self.expires_at), context));
        }
    }

    fn take(&mut self, context: &Context<'_>) -> Taken {
        let Self { subscription, until_end, .. } = self;
        let sent = |event: &_| until_end.iter_mut().for_each(|until_end| until_end.apply(event));
        subscription.outbox.take(true, subscription.hub().epoch(), context, sent)
    }

    /// Waits until `at`. A timer that is already set for the task is not polled: usually it is far from due.
    fn poll_timer(&mut self, now: Instant, at: Instant, context: &mut Context<'_>) -> Poll<()> {
        let is_set = |(set, waker): &(Instant, Waker)| *set == at && waker.will_wake(context.waker());
        if now < at && self.timer_set.as_ref().is_some_and(is_set) {
            return Poll::Pending;
        }
        if self.timer.deadline() != at {
            self.timer.as_mut().reset(at);
        }
        let due = self.timer.as_mut().poll(context);
        // Without budget the timer returns `Pending`, too, and is not set.
        let set = due.is_pending() && has_budget_remaining();
        self.timer_set = set.then(|| (at, context.waker().clone()));
        due
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
