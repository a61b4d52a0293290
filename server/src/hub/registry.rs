//! Which stream shows what, indexed by what happens.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    task::Waker,
};

use engine::{DurableEvent, access::Sight, store::Topics};
use indexmap::IndexMap;
use model::{AttemptNo, ByeReason, JobId, JobView, ProgressEvent, Seq, StreamEvent, StreamId};

use super::{Form, HubStats, Outbox, Readers, frame::Frame};

/// Messages of which it is remembered how many streams were sent them: whoever sent one asks at once.
const MESSAGES: usize = 100;
/// Endings remembered, so that progress that comes late is known to be late. It can come late only by moments.
const ENDINGS: usize = 10_000;

/// A stream by its number. 128 random bits: whoever knows them is who was told them in `hello`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key(u128);

impl Key {
    pub(super) fn random() -> Self {
        Self(rand::random())
    }

    /// The key behind a name, if it can be one: each has one name.
    pub(crate) fn of(name: &StreamId) -> Option<Self> {
        u128::from_str_radix(&name.0, 16).ok().map(Self).filter(|key| key.name() == *name)
    }

    /// The name that clients use.
    pub(crate) fn name(self) -> StreamId {
        StreamId(format!("{:032x}", self.0))
    }
}

/// Whether a stream with `topics` shows `event`. Jobs that it names are in sight.
pub(crate) fn shows(topics: &Topics, sight: &Sight, event: &DurableEvent) -> bool {
    let watched = event.job.is_some_and(|job| topics.job.contains(&job));
    match Audience::of(event) {
        Audience::States => {
            let named = watched || event.job.is_some_and(|job| topics.row.contains(&job));
            named || ((topics.jobs || topics.overview) && in_sight(sight, event))
        }
        Audience::Messages => topics.messages && in_sight(sight, event),
        Audience::Watchers => watched,
    }
}

/// Whether an event is about no job, or one in sight; and for nobody else alone.
fn in_sight(sight: &Sight, event: &DurableEvent) -> bool {
    match &event.event {
        StreamEvent::State(state) => sight.sees(&state.view),
        StreamEvent::Message(message) => message.to.reaches(&sight.own),
        _ => true,
    }
}

/// Who hears a durable event.
#[derive(Clone, Copy)]
enum Audience {
    /// Who follows all changes of state, and who shows the job, if it is about one.
    States,
    /// Who takes messages, where it is for them.
    Messages,
    /// Who shows the job with its log.
    Watchers,
}

impl Audience {
    const fn of(event: &DurableEvent) -> Self {
        match &event.event {
            StreamEvent::State(_) | StreamEvent::Gate(_) => Self::States,
            StreamEvent::Message(_) if event.job.is_none() => Self::Messages,
            StreamEvent::Log(_)
            | StreamEvent::Message(_)
            // None of the rest is durable, so none comes here.
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
pub(super) struct Registry {
    streams: HashMap<Key, Stream>,
    /// Streams that hear of every change of state; as all lists of those who hear something, about in the order in which
    /// they came: so lie all their parts in memory, here and in the system, and thousands are gone through faster.
    states: IndexMap<Key, (Arc<Outbox>, Sight)>,
    /// Streams that hear messages.
    messages: IndexMap<Key, (Arc<Outbox>, Sight)>,
    /// The newest messages, and to how many streams each was sent.
    sent: VecDeque<(Seq, usize)>,
    watchers: HashMap<JobId, IndexMap<Key, Watcher>>,
    /// The newest progress of running jobs.
    newest: HashMap<JobId, Newest>,
    endings: Endings,
    /// The newest event.
    last: Option<Seq>,
    /// Set once the server goes down: streams still to come are told at once.
    closing: Option<ByeReason>,
}

struct Stream {
    outbox: Arc<Outbox>,
    topics: Topics,
    sight: Sight,
}

struct Watcher {
    outbox: Arc<Outbox>,
    logs: bool,
}

struct Newest {
    attempt: AttemptNo,
    rev: u64,
    frame: Arc<Frame>,
}

impl Registry {
    pub(super) fn add(&mut self, key: Key, topics: Topics, sight: Sight, form: Form) -> Arc<Outbox> {
        let outbox = Arc::new(Outbox::new(form));
        if let Some(reason) = self.closing {
            outbox.close(reason);
        }
        self.index(key, &outbox, &topics, &sight);
        self.streams.insert(key, Stream { outbox: Arc::clone(&outbox), topics, sight });
        outbox
    }

    pub(super) fn remove(&mut self, key: Key) {
        if let Some(stream) = self.streams.remove(&key) {
            self.unindex(key, &stream.topics);
        }
    }

    pub(super) fn topics(&self, key: Key) -> (Topics, Sight) {
        self.streams.get(&key).map(|stream| (stream.topics.clone(), stream.sight.clone())).unwrap_or_default()
    }

    pub(super) fn change<T>(
        &mut self,
        key: Key,
        sight: &Sight,
        edit: impl FnOnce(&mut Topics) -> T,
    ) -> Option<(Arc<Outbox>, T)> {
        let stream = self.streams.get_mut(&key).filter(|stream| stream.sight == *sight)?;
        let before = stream.topics.clone();
        let answer = edit(&mut stream.topics);
        let (after, outbox) = (stream.topics.clone(), Arc::clone(&stream.outbox));
        self.unindex(key, &before);
        self.index(key, &outbox, &after, sight);
        Some((outbox, answer))
    }

    fn index(&mut self, key: Key, outbox: &Arc<Outbox>, topics: &Topics, sight: &Sight) {
        if topics.jobs || topics.overview {
            self.states.insert(key, (Arc::clone(outbox), sight.clone()));
        }
        if topics.messages {
            self.messages.insert(key, (Arc::clone(outbox), sight.clone()));
        }
        for job in topics.job.union(&topics.row) {
            let watcher = Watcher { outbox: Arc::clone(outbox), logs: topics.job.contains(job) };
            self.watchers.entry(*job).or_default().insert(key, watcher);
        }
    }

    fn unindex(&mut self, key: Key, topics: &Topics) {
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

    /// Lays an event into the outboxes of all who hear it, and adds to `readers` those who wait for it.
    pub(super) fn publish(&mut self, event: &Arc<DurableEvent>, epoch: &str, readers: &mut Readers) {
        if let StreamEvent::State(state) = &event.event {
            self.settle(&state.view);
        }
        if self.last.replace(event.seq).is_some_and(|last| event.seq.0 > last.0 + 1) {
            // What is missing here is no longer kept anywhere: everybody needs to see how things stand now.
            self.streams.values().for_each(|stream| stream.outbox.overflow());
        }
        let frame = Arc::new(Frame::durable(Arc::clone(event)));
        // An outbox that stands in both lists knows by `seq` that it has the event already.
        let mut hearers = 0;
        for outbox in self.hearers(event) {
            readers.add(outbox.push(event.seq, &frame, epoch));
            hearers += 1;
        }
        if matches!(event.event, StreamEvent::Message(_)) {
            self.sent.truncate(MESSAGES - 1);
            self.sent.push_front((event.seq, hearers));
        }
    }

    /// To how many streams a message was sent; 0 for one of long ago.
    pub(super) fn receivers(&self, message: Seq) -> usize {
        self.sent.iter().find(|(seq, _)| *seq == message).map_or(0, |(_, hearers)| *hearers)
    }

    fn hearers<'a>(&'a self, event: &'a DurableEvent) -> impl Iterator<Item = &'a Arc<Outbox>> {
        let (followers, logs) = match Audience::of(event) {
            Audience::States => (Some(&self.states), false),
            Audience::Messages => (Some(&self.messages), true),
            Audience::Watchers => (None, true),
        };
        let watchers = event.job.and_then(|job| self.watchers.get(&job));
        let watching = watchers.into_iter().flat_map(IndexMap::values).filter(move |watcher| watcher.logs || !logs);
        let followers = followers.into_iter().flat_map(IndexMap::values);
        let followers = followers.filter(|(_, sight)| in_sight(sight, event)).map(|(outbox, _)| outbox);
        followers.chain(watching.map(|watcher| &watcher.outbox))
    }

    /// The same for progress.
    pub(super) fn publish_progress(&mut self, event: &Arc<ProgressEvent>, readers: &mut Readers) {
        let (job, attempt, rev) = (event.job, event.attempt, event.progress.rev);
        let stale = self.newest.get(&job).is_some_and(|known| (known.attempt, known.rev) >= (attempt, rev));
        if stale || self.endings.is_over(job, attempt) {
            return;
        }
        let frame = Arc::new(Frame::progress(Arc::clone(event)));
        for watcher in self.watchers.get(&job).into_iter().flat_map(IndexMap::values) {
            readers.add(watcher.outbox.push_progress(job, &frame));
        }
        self.newest.insert(job, Newest { attempt, rev, frame });
    }

    /// Notes that attempts up to the one before `view`, or its own if that is over, say nothing any more.
    pub(super) fn settle(&mut self, view: &JobView) {
        let over = if view.state.is_terminal() { view.attempt } else { view.attempt.saturating_sub(1) };
        if over == 0 {
            return;
        }
        self.endings.note(view.job, over);
        if self.newest.get(&view.job).is_some_and(|known| known.attempt <= over) {
            self.newest.remove(&view.job);
        }
    }

    pub(super) fn recall(&self, key: Key) {
        let Some(stream) = self.streams.get(&key) else { return };
        for job in stream.topics.job.union(&stream.topics.row) {
            if let Some(known) = self.newest.get(job) {
                stream.outbox.push_progress(*job, &known.frame).into_iter().for_each(Waker::wake);
            }
        }
    }

    pub(super) fn refuse(&mut self, reason: ByeReason) -> Vec<Arc<Outbox>> {
        self.closing = Some(reason);
        self.streams.values().map(|stream| Arc::clone(&stream.outbox)).collect()
    }

    pub(super) const fn closing(&self) -> Option<ByeReason> {
        self.closing
    }

    pub(super) fn stats(&self) -> HubStats {
        let start = HubStats { streams: self.streams.len(), ..HubStats::default() };
        self.streams.values().fold(start, |stats, stream| {
            let (queued, bytes, conflated) = stream.outbox.backlog();
            HubStats {
                queued: stats.queued + queued,
                queued_bytes: stats.queued_bytes + bytes,
                conflated: stats.conflated + conflated,
                ..stats
            }
        })
    }
}

/// Which attempts are over, the latest endings only.
#[derive(Default)]
struct Endings {
    attempts: HashMap<JobId, AttemptNo>,
    order: VecDeque<JobId>,
}

impl Endings {
    fn note(&mut self, job: JobId, attempt: AttemptNo) {
        let known = self.attempts.entry(job).or_insert_with(|| {
            self.order.push_back(job);
            0
        });
        *known = attempt.max(*known);
        if self.order.len() > ENDINGS
            && let Some(oldest) = self.order.pop_front()
        {
            self.attempts.remove(&oldest);
        }
    }

    fn is_over(&self, job: JobId, attempt: AttemptNo) -> bool {
        self.attempts.get(&job).is_some_and(|over| attempt <= *over)
    }
}
