//! Subscriptions: which streams show which events, indexed by topic and job.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    task::Waker,
};

use engine::{DurableEvent, access::Visibility, store::Topics};
use indexmap::IndexMap;
use model::{AttemptNo, ByeReason, JobId, JobView, ProgressEvent, Seq, StreamEvent, StreamId};

use super::{
    encoding::{Encoding, Frame},
    hub::{HubStats, Wakers},
    outbox::Outbox,
};

/// The number of newest messages whose receivers are remembered: the sender asks for them at once.
const MAX_MESSAGES: usize = 100;
/// The number of ended attempts that are remembered, to drop progress that comes late. It can be late only by moments.
const MAX_ENDED: usize = 10_000;

/// The key of a stream: 128 random bits, which only its client learns, by `hello`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct StreamKey(u128);

impl StreamKey {
    pub(super) fn random() -> Self {
        Self(rand::random())
    }

    /// Parses an id as returned by [`StreamKey::id`]; `None` for any other spelling of the number.
    pub(super) fn parse(id: &StreamId) -> Option<Self> {
        u128::from_str_radix(&id.0, 16).ok().map(Self).filter(|key| key.id() == *id)
    }

    /// Returns the id that clients use.
    pub(super) fn id(self) -> StreamId {
        StreamId(format!("{:032x}", self.0))
    }
}

/// Returns whether a stream with `topics` shows `event`. The jobs that the topics name are visible to it.
pub(super) fn matches(topics: &Topics, visibility: &Visibility, event: &DurableEvent) -> bool {
    let watched = event.job.is_some_and(|job| topics.job.contains(&job));
    match Audience::of(event) {
        Audience::States => {
            let named = watched || event.job.is_some_and(|job| topics.row.contains(&job));
            named || ((topics.jobs || topics.overview) && is_visible(visibility, event))
        }
        Audience::Messages => topics.messages && is_visible(visibility, event),
        Audience::Watchers => watched,
    }
}

/// Returns whether an event is about no job or schedule or a visible one, and is not a message to another user.
fn is_visible(visibility: &Visibility, event: &DurableEvent) -> bool {
    match &event.event {
        StreamEvent::State(state) => visibility.can_see(&state.view),
        StreamEvent::Schedule(event) => visibility.can_see_of(&event.kind, &event.owner),
        StreamEvent::Message(message) => message.to.reaches(&visibility.own),
        _ => true,
    }
}

/// The streams that show a durable event.
#[derive(Clone, Copy)]
enum Audience {
    /// Those that show all changes, and those that show the job, if it is about one.
    States,
    /// Those that show messages, if it is for their user.
    Messages,
    /// Those that show the job with its log.
    Watchers,
}

impl Audience {
    const fn of(event: &DurableEvent) -> Self {
        match &event.event {
            StreamEvent::State(_) | StreamEvent::QueueControl(_) | StreamEvent::Schedule(_) => Self::States,
            StreamEvent::Message(_) if event.job.is_none() => Self::Messages,
            StreamEvent::Log(_)
            | StreamEvent::Message(_)
            // The others are not durable and never come here.
            | StreamEvent::Hello(_)
            | StreamEvent::Snapshot(_)
            | StreamEvent::Progress(_)
            | StreamEvent::Heartbeat(_)
            | StreamEvent::Bye(_)
            | StreamEvent::End(_) => Self::Watchers,
        }
    }
}

#[derive(Default)]
pub(super) struct Subscriptions {
    streams: HashMap<StreamKey, Stream>,
    /// Streams that show all changes of state. An `IndexMap`, like the others that events are sent by: it keeps about
    /// the order of connection, in which their memory and sockets were allocated, so that thousands are served faster.
    states: IndexMap<StreamKey, (Arc<Outbox>, Visibility)>,
    /// Streams that show messages.
    messages: IndexMap<StreamKey, (Arc<Outbox>, Visibility)>,
    /// The newest messages, and to how many streams each was sent.
    receivers: VecDeque<(Seq, usize)>,
    watchers: HashMap<JobId, IndexMap<StreamKey, Watcher>>,
    /// The latest progress of running jobs.
    latest: HashMap<JobId, LatestProgress>,
    ended: EndedAttempts,
    /// The newest event.
    last: Option<Seq>,
    /// Set once the server drains: later streams are closed after their first frames.
    closing: Option<ByeReason>,
}

struct Stream {
    outbox: Arc<Outbox>,
    topics: Topics,
    visibility: Visibility,
}

struct Watcher {
    outbox: Arc<Outbox>,
    logs: bool,
}

struct LatestProgress {
    attempt: AttemptNo,
    rev: u64,
    frame: Arc<Frame>,
}

impl Subscriptions {
    pub(super) fn add(
        &mut self,
        key: StreamKey,
        topics: Topics,
        visibility: Visibility,
        encoding: Encoding,
    ) -> Arc<Outbox> {
        let outbox = Arc::new(Outbox::new(encoding));
        if let Some(reason) = self.closing {
            outbox.close(reason);
        }
        self.index(key, &outbox, &topics, &visibility);
        self.streams.insert(key, Stream { outbox: Arc::clone(&outbox), topics, visibility });
        outbox
    }

    pub(super) fn remove(&mut self, key: StreamKey) {
        if let Some(stream) = self.streams.remove(&key) {
            self.unindex(key, &stream.topics);
        }
    }

    pub(super) fn topics(&self, key: StreamKey) -> (Topics, Visibility) {
        self.streams.get(&key).map(|stream| (stream.topics.clone(), stream.visibility.clone())).unwrap_or_default()
    }

    pub(super) fn change_topics<T>(
        &mut self,
        key: StreamKey,
        visibility: &Visibility,
        edit: impl FnOnce(&mut Topics) -> T,
    ) -> Option<(Arc<Outbox>, T)> {
        let stream = self.streams.get_mut(&key).filter(|stream| stream.visibility == *visibility)?;
        let before = stream.topics.clone();
        let result = edit(&mut stream.topics);
        let (after, outbox) = (stream.topics.clone(), Arc::clone(&stream.outbox));
        self.unindex(key, &before);
        self.index(key, &outbox, &after, visibility);
        Some((outbox, result))
    }

    fn index(&mut self, key: StreamKey, outbox: &Arc<Outbox>, topics: &Topics, visibility: &Visibility) {
        if topics.jobs || topics.overview {
            self.states.insert(key, (Arc::clone(outbox), visibility.clone()));
        }
        if topics.messages {
            self.messages.insert(key, (Arc::clone(outbox), visibility.clone()));
        }
        for job in topics.job.union(&topics.row) {
            let watcher = Watcher { outbox: Arc::clone(outbox), logs: topics.job.contains(job) };
            self.watchers.entry(*job).or_default().insert(key, watcher);
        }
    }

    fn unindex(&mut self, key: StreamKey, topics: &Topics) {
        self.states.swap_remove(&key);
        self.messages.swap_remove(&key);
        for job in topics.job.union(&topics.row) {
            if let Some(watchers) = self.watchers.get_mut(job) {
                watchers.swap_remove(&key);
                if watchers.is_empty() {
                    self.watchers.remove(job);
                }
            }
        }
    }

    /// Queues an event for all streams that show it, and adds those to wake to `wakers`.
    pub(super) fn publish(&mut self, event: &Arc<DurableEvent>, epoch: &str, wakers: &mut Wakers) {
        if let StreamEvent::State(state) = &event.event {
            self.mark_ended(&state.view);
        }
        if self.last.replace(event.seq).is_some_and(|last| event.seq.0 > last.0 + 1) {
            // The missing events are no longer kept anywhere: every stream needs a snapshot.
            self.streams.values().for_each(|stream| stream.outbox.overflow());
        }
        let frame = Arc::new(Frame::durable(Arc::clone(event)));
        // An outbox that is in both indexes ignores the second frame of the same `seq`.
        let mut receivers = 0;
        for outbox in self.outboxes(event) {
            wakers.add(outbox.push(event.seq, &frame, epoch));
            receivers += 1;
        }
        if matches!(event.event, StreamEvent::Message(_)) {
            self.receivers.truncate(MAX_MESSAGES - 1);
            self.receivers.push_front((event.seq, receivers));
        }
    }

    /// Returns the number of streams that a message was sent to; 0 for an old one.
    pub(super) fn receivers(&self, message: Seq) -> usize {
        self.receivers.iter().find(|(seq, _)| *seq == message).map_or(0, |(_, receivers)| *receivers)
    }

    fn outboxes<'a>(&'a self, event: &'a DurableEvent) -> impl Iterator<Item = &'a Arc<Outbox>> {
        let (followers, logs) = match Audience::of(event) {
            Audience::States => (Some(&self.states), false),
            Audience::Messages => (Some(&self.messages), true),
            Audience::Watchers => (None, true),
        };
        let watchers = event.job.and_then(|job| self.watchers.get(&job));
        let watching = watchers.into_iter().flat_map(IndexMap::values).filter(move |watcher| watcher.logs || !logs);
        let followers = followers.into_iter().flat_map(IndexMap::values);
        let followers = followers.filter(|(_, visibility)| is_visible(visibility, event)).map(|(outbox, _)| outbox);
        followers.chain(watching.map(|watcher| &watcher.outbox))
    }

    /// Queues progress for all streams that show the job, unless it is late.
    pub(super) fn publish_progress(&mut self, event: &Arc<ProgressEvent>, wakers: &mut Wakers) {
        let (job, attempt, rev) = (event.job, event.attempt, event.progress.rev);
        let stale = self.latest.get(&job).is_some_and(|latest| (latest.attempt, latest.rev) >= (attempt, rev));
        if stale || self.ended.contains(job, attempt) {
            return;
        }
        let frame = Arc::new(Frame::progress(Arc::clone(event)));
        for watcher in self.watchers.get(&job).into_iter().flat_map(IndexMap::values) {
            wakers.add(watcher.outbox.push_progress(job, &frame));
        }
        self.latest.insert(job, LatestProgress { attempt, rev, frame });
    }

    /// Marks attempts before that of `view` as ended, and its own if the job has ended.
    pub(super) fn mark_ended(&mut self, view: &JobView) {
        let ended = if view.state.is_terminal() { view.attempt } else { view.attempt.saturating_sub(1) };
        if ended == 0 {
            return;
        }
        self.ended.insert(view.job, ended);
        if self.latest.get(&view.job).is_some_and(|latest| latest.attempt <= ended) {
            self.latest.remove(&view.job);
        }
    }

    pub(super) fn push_latest_progress(&self, key: StreamKey) {
        let Some(stream) = self.streams.get(&key) else { return };
        for job in stream.topics.job.union(&stream.topics.row) {
            if let Some(latest) = self.latest.get(job) {
                stream.outbox.push_progress(*job, &latest.frame).into_iter().for_each(Waker::wake);
            }
        }
    }

    pub(super) fn begin_drain(&mut self, reason: ByeReason) -> Vec<Arc<Outbox>> {
        self.closing = Some(reason);
        self.streams.values().map(|stream| Arc::clone(&stream.outbox)).collect()
    }

    pub(super) const fn closing(&self) -> Option<ByeReason> {
        self.closing
    }

    pub(super) fn stats(&self) -> HubStats {
        let start = HubStats { streams: self.streams.len(), ..HubStats::default() };
        self.streams.values().fold(start, |stats, stream| {
            let (queued, bytes, conflated) = stream.outbox.lengths();
            HubStats {
                queued: stats.queued + queued,
                queued_bytes: stats.queued_bytes + bytes,
                conflated: stats.conflated + conflated,
                ..stats
            }
        })
    }
}

/// The newest ended attempt of each job; the oldest entries are dropped.
#[derive(Default)]
struct EndedAttempts {
    attempts: HashMap<JobId, AttemptNo>,
    order: VecDeque<JobId>,
}

impl EndedAttempts {
    fn insert(&mut self, job: JobId, attempt: AttemptNo) {
        let newest = self.attempts.entry(job).or_insert_with(|| {
            self.order.push_back(job);
            0
        });
        *newest = attempt.max(*newest);
        if self.order.len() > MAX_ENDED
            && let Some(oldest) = self.order.pop_front()
        {
            self.attempts.remove(&oldest);
        }
    }

    fn contains(&self, job: JobId, attempt: AttemptNo) -> bool {
        self.attempts.get(&job).is_some_and(|ended| attempt <= *ended)
    }
}
