//! How a stream begins: with what it missed, or with a snapshot; and how it is changed while it is open.
//!
//! In either case the outbox collects before anything is read, so that nothing falls between. What was read then
//! takes its place before what was collected, and the outbox drops from that what is known already.

use std::{collections::BTreeSet, sync::Arc};

use app::server_fns::ApiError;
use axum::response::Response;
use bytes::Bytes;
use engine::{DurableEvent, access::Sight, store::Topics};
use http::StatusCode;
use model::{ByeReason, Cursor, Hello, JobId, JobView, Seq, StreamEvent, StreamId};
use rand::Rng;

use super::{
    Events, Listening, Watching,
    answer::{self, Refusal},
    body::{Start, StreamBody},
    ending::Ending,
    farewell::{RETRY_MS, only_bye},
    places::{Full, Place, Places},
    readings::{PAGE, Readings, Shared, Whole},
    request::{Change, StreamRequest},
};
use crate::hub::{Entry, Form, Frame, Hub, Key, Outbox, Subscription, encode, encode_snapshot, shows};

/// A client that missed more than this is better served with a snapshot.
const MOST_MISSED: usize = 1_000;
/// So is one for whom more than this would have to be looked through.
const MOST_SCANNED: usize = 20_000;
/// When a program is to ask again that there was no place for, and one that came while the server goes down, seconds.
const AGAIN_WHEN_FULL: u64 = 30;
const AGAIN_WHEN_BACK: u64 = 2;

impl Events {
    /// Opens a stream.
    pub(super) async fn stream(&self, request: StreamRequest, listening: Listening) -> Result<Response, Refusal> {
        let Self(shared) = self;
        let place = match (self.place(&listening), request.form) {
            (Ok(place), _) => place,
            (Err(turned_away), Form::Sse) => {
                return Ok(answer::whole(Form::Sse, only_bye(turned_away.reason())));
            }
            (Err(turned_away), Form::Lines) => return Err(turned_away.into()),
        };
        let request = self.narrow(request, &listening).await?;
        let ending = if request.until_end { Some(self.ending(&request).await?) } else { None };
        let subscription = shared.hub.subscribe(request.topics, listening.sight.clone(), request.form);
        let position = shared.readings.position().await?;
        let start = Start {
            after: request.after.filter(|after| is_known(after, &position)).map(|after| after.seq),
            hello: self.hello(&subscription, position),
            ending,
            guard: guard(&listening, &subscription),
            place,
        };
        let body = StreamBody::new(subscription, Arc::clone(&shared.readings), shared.pace, start);
        Ok(answer::stream(request.form, body))
    }

    /// A place for one more stream or poll.
    pub(super) fn place(&self, listening: &Listening) -> Result<Place, TurnedAway> {
        let Self(shared) = self;
        match shared.hub.closing() {
            Some(_) => Err(TurnedAway::GoingDown),
            None => Places::take(&shared.places, &listening.reader).map_err(TurnedAway::Full),
        }
    }

    /// Leaves of what is asked for what is in sight. Who waits for the end of a job that is not is told that there is none.
    pub(super) async fn narrow(
        &self,
        mut request: StreamRequest,
        listening: &Listening,
    ) -> Result<StreamRequest, Refusal> {
        let named: BTreeSet<JobId> = request.topics.job.union(&request.topics.row).copied().collect();
        listening.narrow(&mut request.topics, self.0.readings.source()).await?;
        let gone = named.into_iter().find(|job| !request.topics.job.contains(job) && !request.topics.row.contains(job));
        match gone {
            Some(job) if request.until_end => Err(engine::Error::NoSuchJob(job).into()),
            _ => Ok(request),
        }
    }

    /// What has to happen until the stream ends; refuses where it has happened and the client knows.
    pub(super) async fn ending(&self, request: &StreamRequest) -> Result<Ending, Refusal> {
        let readings = &self.0.readings;
        let (position, snapshot) = readings.source().snapshot(&request.topics).await?;
        let ending = Ending::new(&request.topics, position, &snapshot.jobs);
        match &request.after {
            None => match ending.missing(&snapshot.jobs) {
                Some(job) => Err(engine::Error::NoSuchJob(job).into()),
                None => Ok(ending),
            },
            Some(after) if ending.is_over() && is_known(after, ending.cursor()) => {
                match missed(readings, &request.topics, &Sight::default(), after.seq).await? {
                    Some((events, _)) if events.is_empty() => Err(Refusal::Over),
                    Some(_) | None => Ok(ending),
                }
            }
            Some(_) => Ok(ending),
        }
    }

    /// The first words.
    pub(super) fn hello(&self, subscription: &Subscription, position: Cursor) -> Bytes {
        let Self(shared) = self;
        let form = subscription.outbox.form();
        let hello = StreamEvent::Hello(Hello {
            epoch: position.epoch,
            seq: position.seq.0,
            build: shared.build.to_string(),
            heartbeat_ms: shared.pace.heartbeat.as_millis() as u64,
            stream: subscription.key.name(),
            at: shared.readings.now(),
        });
        let hello = encode(form, &hello, None);
        match form {
            Form::Sse => {
                let retry = rand::rng().random_range(RETRY_MS);
                [format!("retry: {retry}\n").as_bytes(), &hello].concat().into()
            }
            Form::Lines => hello,
        }
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
        listening.narrow(&mut added, shared.readings.source()).await?;
        change.keep(&added);
        let open = Key::of(stream);
        let open = open.and_then(|key| shared.hub.change(key, &listening.sight, |topics| change.apply(topics)));
        let Some((outbox, applied)) = open else {
            let message = "There is no such stream any more; open a new one";
            return Err(Refusal::Request(ApiError::in_field("no_such_stream", "stream", message)));
        };
        applied?;
        if added != Topics::default() {
            let (position, mut snapshot) = shared.readings.source().snapshot(&added).await?;
            snapshot.jobs.retain(|job| listening.sight.sees(job));
            snapshot.seq = position.seq;
            snapshot.partial = true;
            shared.hub.settle(&snapshot.jobs);
            outbox.append(encode_snapshot(outbox.form(), &snapshot, None), &snapshot.jobs);
        }
        Ok(StatusCode::NO_CONTENT)
    }
}

/// Why there is neither a stream nor a poll.
pub(super) enum TurnedAway {
    /// There are as many as there may be.
    Full(Full),
    /// The server is about to stop.
    GoingDown,
}

impl TurnedAway {
    const fn reason(&self) -> ByeReason {
        match self {
            Self::Full(_) => ByeReason::Full,
            Self::GoingDown => ByeReason::Drain,
        }
    }
}

impl From<TurnedAway> for Refusal {
    fn from(turned_away: TurnedAway) -> Self {
        match turned_away {
            TurnedAway::Full(full) => Self::Later(ApiError::new("too_many_requests", full.message()), AGAIN_WHEN_FULL),
            TurnedAway::GoingDown => Self::Later(engine::Error::ShuttingDown.into(), AGAIN_WHEN_BACK),
        }
    }
}

/// Closes a stream as soon as its reader may no longer hear it.
pub(super) fn guard(listening: &Listening, subscription: &Subscription) -> Option<Watching> {
    let watch = listening.watch.as_ref()?;
    let outbox = Arc::clone(&subscription.outbox);
    Some(watch(Box::new(move || outbox.revoke())))
}

/// How a stream has come up to the present.
pub(super) enum CaughtUp {
    /// It tells what was missed, up to here.
    Missed(Seq),
    /// It tells how everything stands.
    Anew(Arc<Whole>),
}

/// Brings a stream up to the present: from `after` if it is given and everything since is still kept, else by a
/// snapshot.
pub(super) async fn catch_up(
    hub: Arc<Hub>,
    key: Key,
    outbox: Arc<Outbox>,
    readings: Arc<Readings>,
    after: Option<Seq>,
) -> Shared<CaughtUp> {
    outbox.restart();
    let (topics, sight) = hub.topics(key);
    let missed = match after {
        Some(after) => missed(&readings, &topics, &sight, after).await?,
        None => None,
    };
    if let Some((events, upto)) = missed {
        hub.settle(events.iter().filter_map(|event| view(event)));
        let events = events.into_iter().map(|event| Entry::Event(Arc::new(Frame::durable(event))));
        outbox.install(upto, events, &[], hub.epoch());
        hub.recall(key);
        return Ok(CaughtUp::Missed(upto));
    }
    let whole = readings.whole(topics, sight, outbox.form()).await?;
    outbox.install(whole.position.seq, [Entry::Own(whole.bytes.clone())], &whole.jobs, hub.epoch());
    Ok(CaughtUp::Anew(whole))
}

/// Whether events after `cursor` can be told: it is of this log, and not ahead of it.
pub(super) fn is_known(cursor: &Cursor, position: &Cursor) -> bool {
    cursor.epoch == position.epoch && cursor.seq <= position.seq
}

/// The events after `after` that `topics` show, and up to where they are told. `None` where they are no longer kept,
/// or too many.
async fn missed(
    readings: &Readings,
    topics: &Topics,
    sight: &Sight,
    after: Seq,
) -> Shared<Option<(Vec<Arc<DurableEvent>>, Seq)>> {
    if *topics == Topics::default() {
        return Ok(Some((Vec::new(), after)));
    }
    let (mut missed, mut scanned, mut upto) = (Vec::new(), 0, after);
    loop {
        let Some(page) = readings.page_after(upto).await? else { return Ok(None) };
        scanned += page.len();
        upto = page.last().map_or(upto, |event| event.seq);
        missed.extend(page.iter().filter(|event| shows(topics, sight, event)).map(Arc::clone));
        if missed.len() > MOST_MISSED || scanned > MOST_SCANNED {
            return Ok(None);
        }
        if page.len() < PAGE {
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
