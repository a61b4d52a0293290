//! The hub: distributes each engine event to the outboxes of all streams whose topics match it. Never waits for a client.

use std::{
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    task::Waker,
};

use engine::{DurableEvent, Listener, access::Visibility, store::Topics};
use model::{ByeReason, Cursor, JobView, ProgressEvent, Seq};

use super::{
    encoding::Encoding,
    outbox::Outbox,
    subscriptions::{StreamKey, Subscriptions},
};

/// Delivers events to streams. Receives them from the engine as its [`Listener`].
///
/// Lock order: hub, then outbox. Code that holds the lock of an outbox never takes the hub's.
#[derive(Default)]
pub struct Hub {
    subscriptions: Mutex<Subscriptions>,
    /// The epoch of the log that sequence numbers count in, for the `id` of durable frames.
    epoch: OnceLock<String>,
}

/// Current numbers of streams and queued frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HubStats {
    /// Open streams.
    pub streams: usize,
    /// Durable frames queued in outboxes.
    pub queued: usize,
    /// Bytes of those frames; a frame that is queued for several streams counts for each, though it is held once.
    pub queued_bytes: usize,
    /// Progress frames queued in outboxes, one a job.
    pub conflated: usize,
}

impl Hub {
    /// Creates a hub without streams, to be given to the engine before it opens.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Returns the current numbers.
    pub fn stats(&self) -> HubStats {
        self.subscriptions().stats()
    }

    /// Returns the number of streams that a message was sent to when it was published; 0 for an old one.
    pub fn receivers(&self, message: Seq) -> usize {
        self.subscriptions().receivers(message)
    }

    /// Closes all later streams after their first frames. Returns the outboxes of those that are open.
    pub(super) fn begin_drain(&self, reason: ByeReason) -> Vec<Arc<Outbox>> {
        self.subscriptions().begin_drain(reason)
    }

    /// Returns why later streams are closed, during a drain.
    pub(super) fn closing(&self) -> Option<ByeReason> {
        self.subscriptions().closing()
    }

    /// Sets the epoch of the log. Only the first call counts; it precedes the first subscription.
    pub(super) fn set_epoch(&self, position: &Cursor) {
        self.epoch.get_or_init(|| position.epoch.clone());
    }

    pub(super) fn epoch(&self) -> &str {
        self.epoch.get().map_or("", String::as_str)
    }

    /// Opens an outbox that collects events from now on.
    pub(super) fn subscribe(
        self: &Arc<Self>,
        topics: Topics,
        visibility: Visibility,
        encoding: Encoding,
    ) -> Subscription {
        let key = StreamKey::random();
        let outbox = self.subscriptions().add(key, topics, visibility, encoding);
        Subscription { hub: Arc::clone(self), key, outbox }
    }

    /// Changes the topics of an open stream by `edit`. Returns its outbox and the result of `edit`, or `None` if there
    /// is no such stream or it was opened with another visibility.
    pub(super) fn change_topics<T>(
        &self,
        key: StreamKey,
        visibility: &Visibility,
        edit: impl FnOnce(&mut Topics) -> T,
    ) -> Option<(Arc<Outbox>, T)> {
        self.subscriptions().change_topics(key, visibility, edit)
    }

    /// Returns what an open stream shows, and of which jobs.
    pub(super) fn topics(&self, key: StreamKey) -> (Topics, Visibility) {
        self.subscriptions().topics(key)
    }

    /// Queues the latest progress of all jobs that the stream shows.
    pub(super) fn push_latest_progress(&self, key: StreamKey) {
        self.subscriptions().push_latest_progress(key);
    }

    /// Notes which attempts have ended according to a snapshot, which may be ahead of the events.
    pub(super) fn mark_ended<'a>(&self, jobs: impl IntoIterator<Item = &'a JobView>) {
        let mut subscriptions = self.subscriptions();
        for job in jobs {
            subscriptions.mark_ended(job);
        }
    }

    fn subscriptions(&self) -> MutexGuard<'_, Subscriptions> {
        self.subscriptions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener for Hub {
    fn durable(&self, events: &[Arc<DurableEvent>]) {
        let mut wakers = Wakers::of(events);
        let mut subscriptions = self.subscriptions();
        for event in events {
            subscriptions.publish(event, self.epoch(), &mut wakers);
        }
        drop(subscriptions);
        wakers.wake();
    }

    fn progress(&self, events: &[Arc<ProgressEvent>]) {
        let mut wakers = Wakers::of(events);
        let mut subscriptions = self.subscriptions();
        for event in events {
            subscriptions.publish_progress(event, &mut wakers);
        }
        drop(subscriptions);
        wakers.wake();
    }
}

/// The streams to wake after events were queued. A batch is queued completely first, so that each stream sends it in
/// one write; for a single event each is woken at once.
pub(super) struct Wakers {
    immediate: bool,
    deferred: Vec<Waker>,
}

impl Wakers {
    fn of<T>(events: &[T]) -> Self {
        Self { immediate: events.len() == 1, deferred: Vec::new() }
    }

    pub(super) fn add(&mut self, waker: Option<Waker>) {
        match waker {
            Some(waker) if self.immediate => waker.wake(),
            waker => self.deferred.extend(waker),
        }
    }

    fn wake(self) {
        self.deferred.into_iter().for_each(Waker::wake);
    }
}

/// A stream's registration in the hub; removed on drop.
pub(super) struct Subscription {
    hub: Arc<Hub>,
    pub(super) key: StreamKey,
    pub(super) outbox: Arc<Outbox>,
}

impl Subscription {
    pub(super) const fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.hub.subscriptions().remove(self.key);
    }
}
