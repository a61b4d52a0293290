//! The long poll: the events of a stream in one response, for clients behind proxies that buffer streams.

use std::{
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use axum::response::Response;
use bytes::BytesMut;
use engine::access::Denied;
use model::{ByeReason, Cursor, End, Seq, StreamEvent};
use serde_json::json;
use tokio::time::{Instant, timeout_at};

use super::{
    StreamService,
    connect::{CaughtUp, Unavailable, catch_up, is_resumable, watch_rights},
    encoding::{Encoding, encode},
    hub::Subscription,
    outbox::Taken,
    request::StreamRequest,
    response::{self, Rejection},
    snapshot_reader::SnapshotReader,
    subscriber::Subscriber,
    until_end::UntilEnd,
};

/// Progress alone does not end a wait before this: while a job runs there is always some, and each response carries it.
const MIN_WAIT_FOR_PROGRESS: Duration = Duration::from_secs(1);

impl StreamService {
    /// Responds to a poll.
    pub(super) async fn poll(&self, request: StreamRequest, subscriber: Subscriber) -> Result<Response, Rejection> {
        let Self(shared) = self;
        let _permit = self.acquire(&subscriber)?;
        let request = self.retain_visible(request, &subscriber).await?;
        let until_end = if request.until_end { Some(self.until_end(&request).await?) } else { None };
        let subscription = shared.hub.subscribe(request.topics, subscriber.visibility.clone(), Encoding::Ndjson);
        let position = shared.reader.position().await?;
        let after = request.after.filter(|after| is_resumable(after, &position)).map(|after| after.seq);
        let bytes = BytesMut::from(self.hello(&subscription, position.clone()));
        let mut poll =
            LongPoll { subscription, reader: Arc::clone(&shared.reader), until_end, cursor: position, bytes };
        let _revocation = if request.wait.is_zero() { None } else { watch_rights(&subscriber, &poll.subscription) };
        poll.catch_up(after).await?;
        poll.collect(Instant::now() + request.wait).await?;
        Ok(response::complete(Encoding::Ndjson, poll.finish()))
    }
}

struct LongPoll {
    subscription: Subscription,
    reader: Arc<SnapshotReader>,
    until_end: Option<UntilEnd>,
    /// The newest event in `bytes`.
    cursor: Cursor,
    bytes: BytesMut,
}

impl LongPoll {
    /// Queues the replay or snapshot.
    async fn catch_up(&mut self, after: Option<Seq>) -> Result<(), Rejection> {
        let (hub, outbox) = (Arc::clone(self.subscription.hub()), Arc::clone(&self.subscription.outbox));
        let caught_up = catch_up(hub, self.subscription.key, outbox, Arc::clone(&self.reader), after).await?;
        self.cursor.seq = match caught_up {
            CaughtUp::Replay(upto) => upto,
            CaughtUp::Snapshot(snapshot) => {
                if let Some(until_end) = &mut self.until_end {
                    until_end.reset(snapshot.position.seq, &snapshot.jobs);
                }
                snapshot.position.seq
            }
        };
        Ok(())
    }

    /// Collects everything that is queued; if that is nothing, waits until `deadline` for something.
    async fn collect(&mut self, deadline: Instant) -> Result<(), Rejection> {
        let begun = self.bytes.len();
        let mut taken = self.first(deadline).await;
        loop {
            match taken {
                Taken::Frames(frames, _) => self.bytes.extend_from_slice(&frames),
                Taken::Overflowed => self.catch_up(None).await?,
                Taken::Closing(ByeReason::Revoked) => return Err(engine::Error::Denied(Denied::SignIn).into()),
                Taken::Closing(_) if self.bytes.len() == begun => return Err(Unavailable::Draining.into()),
                Taken::Closing(_) | Taken::Nothing => return Ok(()),
            }
            taken = self.take(true, &Context::from_waker(Waker::noop()));
        }
    }

    /// Waits for the first frames: durable events at once, progress after [`MIN_WAIT_FOR_PROGRESS`].
    async fn first(&mut self, deadline: Instant) -> Taken {
        let progress_from = deadline.min(Instant::now() + MIN_WAIT_FOR_PROGRESS);
        for (progress_due, deadline) in [(false, progress_from), (true, deadline)] {
            let next = poll_fn(|context| match self.take(progress_due, context) {
                Taken::Nothing => Poll::Pending,
                taken @ (Taken::Frames(..) | Taken::Overflowed | Taken::Closing(_)) => Poll::Ready(taken),
            });
            if let Ok(taken) = timeout_at(deadline, next).await {
                return taken;
            }
        }
        Taken::Nothing
    }

    fn take(&mut self, progress_due: bool, context: &Context<'_>) -> Taken {
        let Self { subscription, until_end, cursor, .. } = self;
        subscription.outbox.take(progress_due, subscription.hub().epoch(), context, |event| {
            cursor.seq = cursor.seq.max(event.seq);
            if let Some(until_end) = until_end {
                until_end.apply(event);
            }
        })
    }

    /// Appends `end` if all named jobs have ended, and the position to continue from.
    fn finish(mut self) -> bytes::Bytes {
        if let Some(until_end) = self.until_end.filter(UntilEnd::all_ended) {
            self.cursor = until_end.cursor().clone();
            let end = StreamEvent::End(End { cursor: self.cursor.clone() });
            self.bytes.extend_from_slice(&encode(Encoding::Ndjson, &end, Some(&self.cursor)));
        }
        self.bytes.extend_from_slice(format!("{}\n", json!({ "id": self.cursor })).as_bytes());
        self.bytes.freeze()
    }
}
