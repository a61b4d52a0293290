//! Who hears what: takes every event from the engine once and lays it into the outbox of each stream whose topics
//! name it. Never waits for a reader.

mod frame;
mod outbox;
mod registry;

use std::{
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    task::Waker,
};

use engine::{DurableEvent, Listener, access::Sight, store::Topics};
use model::{ByeReason, Cursor, JobView, ProgressEvent, Seq};

pub(crate) use frame::{Form, Frame, encode, encode_snapshot};
pub(crate) use outbox::{Entry, Outbox, Taken, Waiting};
use registry::Registry;
pub(crate) use registry::{Key, shows};

/// Delivers events to streams. Hears the engine as its [`Listener`].
///
/// Locks are taken in the order hub, outbox: never the hub's by whoever holds that of an outbox.
#[derive(Default)]
pub struct Hub {
    registry: Mutex<Registry>,
    /// The identity of the log that sequence numbers count in, for the `id` of durable frames.
    epoch: OnceLock<String>,
}

/// What the hub holds at the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HubStats {
    /// Open streams.
    pub streams: usize,
    /// Durable frames waiting in outboxes.
    pub queued: usize,
    /// Bytes of those frames; a frame that waits for several readers counts for each, though it is held once.
    pub queued_bytes: usize,
    /// Progress frames waiting in outboxes.
    pub conflated: usize,
}

impl Hub {
    /// A hub without streams, to be given to the engine before it opens.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// What it holds.
    pub fn stats(&self) -> HubStats {
        self.registry().stats()
    }

    /// How many streams were sent a message, at the moment it was told; 0 for one of long ago.
    pub fn receivers(&self, message: Seq) -> usize {
        self.registry().receivers(message)
    }

    /// Closes from now on streams still to come, after their first frames; answers those that are open.
    pub(crate) fn refuse(&self, reason: ByeReason) -> Vec<Arc<Outbox>> {
        self.registry().refuse(reason)
    }

    /// Why streams still to come are closed, if they are.
    pub(crate) fn closing(&self) -> Option<ByeReason> {
        self.registry().closing()
    }

    /// Names the log that the engine's events are counted in. Once, before the first subscription.
    pub(crate) fn adopt(&self, position: &Cursor) {
        self.epoch.get_or_init(|| position.epoch.clone());
    }

    /// The identity of the log.
    pub(crate) fn epoch(&self) -> &str {
        self.epoch.get().map_or("", String::as_str)
    }

    /// Opens an outbox that collects from now on.
    pub(crate) fn subscribe(self: &Arc<Self>, topics: Topics, sight: Sight, form: Form) -> Subscription {
        let key = Key::random();
        let outbox = self.registry().add(key, topics, sight, form);
        Subscription { hub: Arc::clone(self), key, outbox }
    }

    /// Lets `edit` change the topics of an open stream; answers its outbox and whatever `edit` answers.
    /// `None` where there is no such stream, or it was opened with another sight.
    pub(crate) fn change<T>(
        &self,
        key: Key,
        sight: &Sight,
        edit: impl FnOnce(&mut Topics) -> T,
    ) -> Option<(Arc<Outbox>, T)> {
        self.registry().change(key, sight, edit)
    }

    /// What an open stream shows, of the jobs in its sight.
    pub(crate) fn topics(&self, key: Key) -> (Topics, Sight) {
        self.registry().topics(key)
    }

    /// Lays the newest progress of all that the stream shows into its outbox.
    pub(crate) fn recall(&self, key: Key) {
        self.registry().recall(key);
    }

    /// Learns from a snapshot, which may be ahead of the events, which attempts are over.
    pub(crate) fn settle<'a>(&self, jobs: impl IntoIterator<Item = &'a JobView>) {
        let mut registry = self.registry();
        for job in jobs {
            registry.settle(job);
        }
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener for Hub {
    fn durable(&self, events: &[Arc<DurableEvent>]) {
        let mut readers = Readers::of(events);
        let mut registry = self.registry();
        for event in events {
            registry.publish(event, self.epoch(), &mut readers);
        }
        drop(registry);
        readers.wake();
    }

    fn progress(&self, events: &[Arc<ProgressEvent>]) {
        let mut readers = Readers::of(events);
        let mut registry = self.registry();
        for event in events {
            registry.publish_progress(event, &mut readers);
        }
        drop(registry);
        readers.wake();
    }
}

/// Who waits for what is laid out. They are woken once it is all there, so that each sends what came together in one write;
/// for a single event, one after the other at once.
struct Readers {
    at_once: bool,
    waiting: Vec<Waker>,
}

impl Readers {
    fn of<T>(events: &[T]) -> Self {
        Self { at_once: events.len() == 1, waiting: Vec::new() }
    }

    fn add(&mut self, reader: Option<Waker>) {
        match reader {
            Some(reader) if self.at_once => reader.wake(),
            reader => self.waiting.extend(reader),
        }
    }

    fn wake(self) {
        self.waiting.into_iter().for_each(Waker::wake);
    }
}

/// A stream's place in the hub; given up on drop.
pub(crate) struct Subscription {
    hub: Arc<Hub>,
    /// Names the stream.
    pub(crate) key: Key,
    /// What waits for it.
    pub(crate) outbox: Arc<Outbox>,
}

impl Subscription {
    /// The hub it belongs to.
    pub(crate) const fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.hub.registry().remove(self.key);
    }
}
