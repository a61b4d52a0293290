//! How a stream begins: with what it missed, or with a snapshot; and how it is changed while it is open.
//!
//! In either case the outbox collects before anything is read, so that nothing falls between. What was read then
//! takes its place before what was collected, and the outbox drops from that what is known already.

use std::{collections::BTreeSet, sync::Arc};

use app::api::ApiError;
use axum::response::Response;
use bytes::Bytes;
use engine::{DurableEvent, Result, access::Sight, store::Topics};
use http::StatusCode;
use model::{Cursor, Hello, JobId, JobView, Seq, StreamEvent, StreamId};
use rand::Rng;
use tokio_util::task::AbortOnDropHandle;

use super::{
    Events, Listening, Source,
    answer::{self, Refusal},
    body::{Start, StreamBody},
    ending::Ending,
    request::{Change, StreamRequest},
};
use crate::hub::{Entry, Frame, Hub, Key, Outbox, encode, encode_snapshot, shows};

/// Events read from the store at once.
const PAGE: u32 = 1_000;
/// A client that missed more than this is better served with a snapshot.
const MOST_MISSED: usize = 1_000;
/// So is one for whom more than this would have to be looked through.
const MOST_SCANNED: usize = 20_000;
/// A browser whose stream breaks comes back by itself after a time in this range, milliseconds.
const RETRY_MS: std::ops::RangeInclusive<u64> = 2_000..=6_000;

impl Events {
    /// Opens a stream.
    pub(super) async fn stream(&self, request: StreamRequest, listening: Listening) -> Result<Response, Refusal> {
        let Self(shared) = self;
        let request = self.narrow(request, &listening).await?;
        let ending = if request.until_end { Some(self.ending(&request).await?) } else { None };
        let subscription = shared.hub.subscribe(request.topics, listening.sight);
        let position = shared.source.position().await?;
        let guard = listening.until_revoked.map(|until_revoked| {
            let outbox = Arc::clone(&subscription.outbox);
            AbortOnDropHandle::new(tokio::spawn(async move {
                until_revoked().await;
                outbox.revoke();
            }))
        });
        let start = Start {
            after: request.after.filter(|after| is_known(after, &position)).map(|after| after.seq),
            hello: self.hello(subscription.key, position),
            ending,
            guard,
        };
        Ok(answer::stream(StreamBody::new(subscription, Arc::clone(&shared.source), shared.pace, start)))
    }

    /// Whether a stream that was asked for like this has nothing left to say.
    pub(super) async fn poll(&self, request: StreamRequest, listening: &Listening) -> Result<StatusCode, Refusal> {
        let request = self.narrow(request, listening).await?;
        if request.until_end {
            self.ending(&request).await?;
        }
        Ok(StatusCode::OK)
    }

    /// Leaves of what is asked for what is in sight. Who waits for the end of a job that is not is told that there is none.
    async fn narrow(&self, mut request: StreamRequest, listening: &Listening) -> Result<StreamRequest, Refusal> {
        let named: BTreeSet<JobId> = request.topics.job.union(&request.topics.row).copied().collect();
        listening.narrow(&mut request.topics, self.0.source.as_ref()).await?;
        let gone = named.into_iter().find(|job| !request.topics.job.contains(job) && !request.topics.row.contains(job));
        match gone {
            Some(job) if request.until_end => Err(engine::Error::NoSuchJob(job).into()),
            _ => Ok(request),
        }
    }

    /// What has to happen until the stream ends; refuses where it has happened and the client knows.
    async fn ending(&self, request: &StreamRequest) -> Result<Ending, Refusal> {
        let source = self.0.source.as_ref();
        let (position, snapshot) = source.snapshot(&request.topics).await?;
        let ending = Ending::new(&request.topics, position, &snapshot.jobs);
        match &request.after {
            None => match ending.missing(&snapshot.jobs) {
                Some(job) => Err(engine::Error::NoSuchJob(job).into()),
                None => Ok(ending),
            },
            Some(after) if ending.is_over() && is_known(after, ending.cursor()) => {
                match missed(source, &request.topics, &Sight::default(), after.seq).await? {
                    Some((events, _)) if events.is_empty() => Err(Refusal::Over),
                    Some(_) | None => Ok(ending),
                }
            }
            Some(_) => Ok(ending),
        }
    }

    fn hello(&self, key: Key, position: Cursor) -> Bytes {
        let Self(shared) = self;
        let hello = StreamEvent::Hello(Hello {
            epoch: position.epoch,
            seq: position.seq.0,
            build: shared.build.to_string(),
            heartbeat_ms: shared.pace.heartbeat.as_millis() as u64,
            stream: key.name(),
            at: shared.source.now(),
        });
        let retry = rand::rng().random_range(RETRY_MS);
        [format!("retry: {retry}\n").as_bytes(), &encode(&hello, None)].concat().into()
    }

    /// Changes what an open stream shows, and lets it show at once how that stands.
    pub(super) async fn change(
        &self,
        stream: &StreamId,
        mut change: Change,
        listening: &Listening,
    ) -> Result<StatusCode, Refusal> {
        let Self(shared) = self;
        let mut added = change.added()?;
        listening.narrow(&mut added, shared.source.as_ref()).await?;
        change.keep(&added);
        let open = Key::of(stream);
        let open = open.and_then(|key| shared.hub.change(key, &listening.sight, |topics| change.apply(topics)));
        let Some((outbox, applied)) = open else {
            let message = "There is no such stream any more; open a new one";
            return Err(Refusal::Request(ApiError::in_field("no_such_stream", "stream", message)));
        };
        applied?;
        if added != Topics::default() {
            let (position, mut snapshot) = shared.source.snapshot(&added).await?;
            snapshot.jobs.retain(|job| listening.sight.sees(job));
            snapshot.seq = position.seq;
            snapshot.partial = true;
            shared.hub.settle(&snapshot.jobs);
            outbox.append(encode_snapshot(&snapshot, None), &snapshot.jobs);
        }
        Ok(StatusCode::NO_CONTENT)
    }
}

/// How jobs stand as of an event.
pub(super) struct Standing {
    pub(super) seq: Seq,
    pub(super) jobs: Vec<JobView>,
}

/// Brings a stream up to the present: from `after` if it is given and everything since is still kept, else by a
/// snapshot, and then answers what that says.
pub(super) async fn catch_up(
    hub: Arc<Hub>,
    key: Key,
    outbox: Arc<Outbox>,
    source: Arc<dyn Source>,
    after: Option<Seq>,
) -> Result<Option<Standing>> {
    outbox.restart();
    let (topics, sight) = hub.topics(key);
    let missed = match after {
        Some(after) => missed(source.as_ref(), &topics, &sight, after).await?,
        None => None,
    };
    if let Some((events, upto)) = missed {
        hub.settle(events.iter().filter_map(|event| view(event)));
        let events = events.into_iter().map(|event| Entry::Event(Arc::new(Frame::durable(event))));
        outbox.install(upto, events, &[], hub.epoch());
        hub.recall(key);
        return Ok(None);
    }
    let (position, mut snapshot) = source.snapshot(&topics).await?;
    hub.settle(&snapshot.jobs);
    snapshot.seq = position.seq;
    snapshot.jobs.retain(|job| sight.sees(job));
    let whole = Entry::Own(encode_snapshot(&snapshot, Some(&position)));
    outbox.install(position.seq, [whole], &snapshot.jobs, hub.epoch());
    Ok(Some(Standing { seq: position.seq, jobs: snapshot.jobs }))
}

/// Whether events after `cursor` can be told: it is of this log, and not ahead of it.
fn is_known(cursor: &Cursor, position: &Cursor) -> bool {
    cursor.epoch == position.epoch && cursor.seq <= position.seq
}

/// The events after `after` that `topics` show, and up to where they are told. `None` where they are no longer kept,
/// or too many.
async fn missed(
    source: &dyn Source,
    topics: &Topics,
    sight: &Sight,
    after: Seq,
) -> Result<Option<(Vec<Arc<DurableEvent>>, Seq)>> {
    let (mut missed, mut scanned, mut upto) = (Vec::new(), 0, after);
    loop {
        let Some(page) = source.events_after(upto, PAGE).await? else { return Ok(None) };
        scanned += page.len();
        upto = page.last().map_or(upto, |event| event.seq);
        let last = page.len() < PAGE as usize;
        missed.extend(page.into_iter().filter(|event| shows(topics, sight, event)));
        if missed.len() > MOST_MISSED || scanned > MOST_SCANNED {
            return Ok(None);
        }
        if last {
            return Ok(Some((missed, upto)));
        }
    }
}

fn view(event: &DurableEvent) -> Option<&JobView> {
    match &event.event {
        StreamEvent::State(state) => Some(&state.view),
        StreamEvent::Hello(_)
        | StreamEvent::Snapshot(_)
        | StreamEvent::Progress(_)
        | StreamEvent::Log(_)
        | StreamEvent::Gate(_)
        | StreamEvent::Message(_)
        | StreamEvent::Heartbeat(_)
        | StreamEvent::Bye(_)
        | StreamEvent::End(_) => None,
    }
}
