//! Connecting a stream: permit, subscription, and the replay of missed events or a snapshot. Also the change of topics
//! of an open stream.
//!
//! The outbox collects before anything is read, so that no event is lost in between. What was read is then put before
//! what was collected, and the outbox drops from that what it includes.

use std::{collections::BTreeSet, sync::Arc};

use app::server_fns::ApiError;
use axum::response::Response;
use bytes::Bytes;
use engine::{DurableEvent, access::Visibility, store::Topics};
use http::StatusCode;
use model::{ByeReason, Cursor, Hello, JobId, JobView, Seq, StreamEvent, StreamId};
use rand::Rng;

use super::{
    StreamService,
    body::{Start, StreamBody},
    bye::{RETRY_MS, only_bye},
    encoding::{Encoding, Frame, encode, encode_snapshot},
    hub::{Hub, Subscription},
    outbox::Outbox,
    request::{StreamRequest, TopicChange},
    response::{self, Rejection},
    revoke::RevocationGuard,
    snapshot_reader::{EncodedSnapshot, PAGE, Shared, SnapshotReader},
    subscriber::Subscriber,
    subscriptions::{StreamKey, matches},
    until_end::UntilEnd,
};
use crate::limits::{StreamLimitReached, StreamPermit};

/// The most missed events that are replayed; a client that missed more gets a snapshot.
const MAX_REPLAYED: usize = 1_000;
/// The most events that are searched for those that the client missed.
const MAX_SCANNED: usize = 20_000;
/// `Retry-After` when a limit is reached, and during a drain, seconds.
const RETRY_AFTER_FULL: u64 = 30;
const RETRY_AFTER_DRAIN: u64 = 2;

impl StreamService {
    /// Opens a stream.
    pub(super) async fn connect(&self, request: StreamRequest, subscriber: Subscriber) -> Result<Response, Rejection> {
        let Self(shared) = self;
        let permit = match (self.acquire(&subscriber), request.encoding) {
            (Ok(permit), _) => permit,
            (Err(unavailable), Encoding::Sse) => {
                return Ok(response::complete(Encoding::Sse, only_bye(unavailable.reason())));
            }
            (Err(unavailable), Encoding::Ndjson) => return Err(unavailable.into()),
        };
        let request = self.retain_visible(request, &subscriber).await?;
        let until_end = if request.until_end { Some(self.until_end(&request).await?) } else { None };
        let subscription = shared.hub.subscribe(request.topics, subscriber.visibility.clone(), request.encoding);
        let position = shared.reader.position().await?;
        let start = Start {
            after: request.after.filter(|after| is_resumable(after, &position)).map(|after| after.seq),
            hello: self.hello(&subscription, position),
            until_end,
            revocation: watch_rights(&subscriber, &subscription),
            permit,
        };
        let body = StreamBody::new(subscription, Arc::clone(&shared.reader), shared.timing, start);
        Ok(response::stream(request.encoding, body))
    }

    /// Acquires the permit of one more stream or poll.
    pub(super) fn acquire(&self, subscriber: &Subscriber) -> Result<StreamPermit, Unavailable> {
        let Self(shared) = self;
        match shared.hub.closing() {
            Some(_) => Err(Unavailable::Draining),
            None => shared.limiter.acquire(&subscriber.owner).map_err(Unavailable::LimitReached),
        }
    }

    /// Removes jobs that are not visible from the request. With `until=end` such a job is an error.
    pub(super) async fn retain_visible(
        &self,
        mut request: StreamRequest,
        subscriber: &Subscriber,
    ) -> Result<StreamRequest, Rejection> {
        let named: BTreeSet<JobId> = request.topics.job.union(&request.topics.row).copied().collect();
        subscriber.retain_visible(&mut request.topics, self.0.reader.source()).await?;
        let gone = named.into_iter().find(|job| !request.topics.job.contains(job) && !request.topics.row.contains(job));
        match gone {
            Some(job) if request.until_end => Err(engine::Error::NoSuchJob(job).into()),
            _ => Ok(request),
        }
    }

    /// Returns which jobs are still to end; a rejection if all have ended and the client knows it.
    pub(super) async fn until_end(&self, request: &StreamRequest) -> Result<UntilEnd, Rejection> {
        let reader = &self.0.reader;
        let (position, snapshot) = reader.source().snapshot(&request.topics).await?;
        let until_end = UntilEnd::new(&request.topics, position, &snapshot.jobs);
        match &request.after {
            None => match until_end.missing(&snapshot.jobs) {
                Some(job) => Err(engine::Error::NoSuchJob(job).into()),
                None => Ok(until_end),
            },
            Some(after) if until_end.all_ended() && is_resumable(after, until_end.cursor()) => {
                match missed_events(reader, &request.topics, &Visibility::default(), after.seq).await? {
                    Some((events, _)) if events.is_empty() => Err(Rejection::Ended),
                    Some(_) | None => Ok(until_end),
                }
            }
            Some(_) => Ok(until_end),
        }
    }

    /// Encodes the first event of a stream.
    pub(super) fn hello(&self, subscription: &Subscription, position: Cursor) -> Bytes {
        let Self(shared) = self;
        let encoding = subscription.outbox.encoding();
        let hello = StreamEvent::Hello(Hello {
            epoch: position.epoch,
            seq: position.seq.0,
            build: shared.build.to_string(),
            heartbeat_ms: shared.timing.heartbeat.as_millis() as u64,
            stream: subscription.key.id(),
            at: shared.reader.now(),
        });
        let hello = encode(encoding, &hello, None);
        match encoding {
            Encoding::Sse => {
                let retry = rand::rng().random_range(RETRY_MS);
                [format!("retry: {retry}\n").as_bytes(), &hello].concat().into()
            }
            Encoding::Ndjson => hello,
        }
    }

    /// Changes the topics of an open stream, and sends a partial snapshot of what was added.
    pub(super) async fn change(
        &self,
        stream: &StreamId,
        mut change: TopicChange,
        subscriber: &Subscriber,
    ) -> Result<StatusCode, Rejection> {
        let Self(shared) = self;
        let mut added = change.added()?;
        subscriber.retain_visible(&mut added, shared.reader.source()).await?;
        change.retain_visible(&added);
        let changed = StreamKey::parse(stream)
            .and_then(|key| shared.hub.change_topics(key, &subscriber.visibility, |topics| change.apply(topics)));
        let Some((outbox, applied)) = changed else {
            let message = "There is no such stream any more; open a new one";
            return Err(Rejection::Error(ApiError::in_field("no_such_stream", "stream", message)));
        };
        applied?;
        if added != Topics::default() {
            let (position, mut snapshot) = shared.reader.source().snapshot(&added).await?;
            snapshot.jobs.retain(|job| subscriber.visibility.can_see(job));
            snapshot.seq = position.seq;
            snapshot.partial = true;
            shared.hub.mark_ended(&snapshot.jobs);
            outbox.append_snapshot(encode_snapshot(outbox.encoding(), &snapshot, None), &snapshot.jobs);
        }
        Ok(StatusCode::NO_CONTENT)
    }
}

/// Why no stream or poll can be opened now.
pub(super) enum Unavailable {
    LimitReached(StreamLimitReached),
    /// The server shuts down.
    Draining,
}

impl Unavailable {
    const fn reason(&self) -> ByeReason {
        match self {
            Self::LimitReached(_) => ByeReason::Full,
            Self::Draining => ByeReason::Drain,
        }
    }
}

impl From<Unavailable> for Rejection {
    fn from(unavailable: Unavailable) -> Self {
        match unavailable {
            Unavailable::LimitReached(limit) => {
                Self::RetryAfter(ApiError::new("too_many_requests", limit.message()), RETRY_AFTER_FULL)
            }
            Unavailable::Draining => Self::RetryAfter(engine::Error::ShuttingDown.into(), RETRY_AFTER_DRAIN),
        }
    }
}

/// Revokes a stream once its subscriber loses access; `None` without accounts.
pub(super) fn watch_rights(subscriber: &Subscriber, subscription: &Subscription) -> Option<RevocationGuard> {
    subscriber.revocation.as_ref().map(|revocation| revocation.watch(&subscription.outbox))
}

/// How a stream was brought up to date.
pub(super) enum CaughtUp {
    /// By the missed events, up to here.
    Replay(Seq),
    Snapshot(Arc<EncodedSnapshot>),
}

/// Brings a stream up to date: by a replay from `after` if it is given and all events since are still kept, else by a
/// snapshot.
pub(super) async fn catch_up(
    hub: Arc<Hub>,
    key: StreamKey,
    outbox: Arc<Outbox>,
    reader: Arc<SnapshotReader>,
    after: Option<Seq>,
) -> Shared<CaughtUp> {
    outbox.restart();
    let (topics, visibility) = hub.topics(key);
    let missed = match after {
        Some(after) => missed_events(&reader, &topics, &visibility, after).await?,
        None => None,
    };
    if let Some((events, upto)) = missed {
        hub.mark_ended(events.iter().filter_map(|event| job_view(event)));
        let frames = events.into_iter().map(|event| Arc::new(Frame::durable(event)));
        outbox.prepend_missed(upto, frames, hub.epoch());
        hub.push_latest_progress(key);
        return Ok(CaughtUp::Replay(upto));
    }
    let snapshot = reader.snapshot(topics, visibility, outbox.encoding()).await?;
    outbox.prepend_snapshot(snapshot.position.seq, snapshot.bytes.clone(), &snapshot.jobs, hub.epoch());
    Ok(CaughtUp::Snapshot(snapshot))
}

/// Returns whether events after `cursor` can be replayed: it is of this log, and not ahead of it.
pub(super) fn is_resumable(cursor: &Cursor, position: &Cursor) -> bool {
    cursor.epoch == position.epoch && cursor.seq <= position.seq
}

/// Returns the events after `after` that `topics` show, and up to where the log was read; `None` if they are no longer
/// kept, or too many.
async fn missed_events(
    reader: &SnapshotReader,
    topics: &Topics,
    visibility: &Visibility,
    after: Seq,
) -> Shared<Option<(Vec<Arc<DurableEvent>>, Seq)>> {
    if *topics == Topics::default() {
        return Ok(Some((Vec::new(), after)));
    }
    let (mut missed, mut scanned, mut upto) = (Vec::new(), 0, after);
    loop {
        let Some(page) = reader.page_after(upto).await? else { return Ok(None) };
        scanned += page.len();
        upto = page.last().map_or(upto, |event| event.seq);
        missed.extend(page.iter().filter(|event| matches(topics, visibility, event)).map(Arc::clone));
        if missed.len() > MAX_REPLAYED || scanned > MAX_SCANNED {
            return Ok(None);
        }
        if page.len() < PAGE {
            return Ok(Some((missed, upto)));
        }
    }
}

fn job_view(event: &DurableEvent) -> Option<&JobView> {
    match &event.event {
        StreamEvent::State(state) => Some(&state.view),
        StreamEvent::Hello(_)
        | StreamEvent::Snapshot(_)
        | StreamEvent::Progress(_)
        | StreamEvent::Log(_)
        | StreamEvent::QueueControl(_)
        | StreamEvent::Schedule(_)
        | StreamEvent::Message(_)
        | StreamEvent::Heartbeat(_)
        | StreamEvent::Bye(_)
        | StreamEvent::End(_) => None,
    }
}
