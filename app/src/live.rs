//! Live updates: the event stream in the browser, with one signal a job.
//!
//! Islands register here what they show, and the stream's topics follow. On the server, and until the stream is open, a
//! signal holds what the page was rendered with.
//!
//! [`connection`], [`tab_leader`], [`merge`], [`subscriptions`] and [`reconnect`] decide without browser types;
//! `job_store` holds the signals; `event_source` carries out the decisions, with `request` for the server and
//! `tab_channel` for other tabs.

pub mod connection;
mod decode;
mod event_source;
mod job_store;
pub mod merge;
pub mod reconnect;
mod request;

pub mod subscriptions;
mod tab_channel;
pub mod tab_leader;

use leptos::prelude::*;
use model::{Counts, JobId, JobView, LogEvent, MessageEvent, Micros, StateEvent};

use job_store::JobStore;
use subscriptions::Interest;

use crate::components::LiveJob;

/// State of the connection to the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConnectionState {
    #[default]
    Connecting,
    /// Open, with recent data.
    Live,
    /// Open, and silent for longer than expected.
    Stale,
    /// Lost; retrying.
    Reconnecting,
    /// Long polls instead of a stream, which something on the way buffers.
    Polling,
    /// Closed while the page is hidden.
    Paused,
    /// The browser reports no network.
    Offline,
    /// The session has ended.
    SignedOut,
}

impl ConnectionState {
    /// In the order of their numbers.
    pub(crate) const ALL: [Self; 8] = [
        Self::Connecting,
        Self::Live,
        Self::Stale,
        Self::Reconnecting,
        Self::Polling,
        Self::Paused,
        Self::Offline,
        Self::SignedOut,
    ];

    /// Whether the page shows the server's current state.
    pub(crate) const fn is_live(self) -> bool {
        matches!(self, Self::Live | Self::Polling)
    }
}

/// Returns a job that starts as the page was rendered with it, `now` being the server's clock then, and follows the
/// stream.
pub fn job(initial: JobView, now: Micros) -> LiveJob {
    let job = initial.job;
    let Some(stream) = with_store(|store| store.job(&initial)) else { return LiveJob::fixed(initial, now) };
    on_cleanup(move || release(Interest::Row(job)));
    LiveJob { view: follow(initial, stream), now: follow(now, event_source::clock()) }
}

/// Returns a signal that follows `source` after hydration. Until then it holds what the server drew: hydration writes
/// nothing, so a value that had changed before would be missing until it changes again.
fn follow<T: Clone + Send + Sync + 'static>(drawn: T, source: ArcRwSignal<T>) -> RwSignal<T> {
    let shown = RwSignal::new(drawn);
    effect(move || shown.set(source.get()));
    shown
}

/// Calls `handler` for each durable change of any job (topic `jobs`). After a gap it is called for each job of the new
/// snapshot that differs from the known one.
pub fn on_state(handler: impl Fn(&StateEvent) + 'static) {
    if let Some(id) = with_store(|store| store.on_state(handler)) {
        on_cleanup(move || {
            release(Interest::Jobs);
            unsubscribe(id);
        });
    }
}

/// Calls `handler` when a queue or task is paused, resumed or limited, or a schedule changes, and after a gap in which
/// that may have happened (topic `jobs`).
pub fn on_control(handler: impl Fn() + 'static) {
    if let Some(id) = with_store(|store| store.on_control(handler)) {
        on_cleanup(move || {
            release(Interest::Jobs);
            unsubscribe(id);
        });
    }
}

/// Calls `handler` when a job on this page changes its shown state.
pub fn on_change(handler: impl Fn(&JobView) + 'static) {
    if let Some(id) = with_store(|store| store.on_change(handler)) {
        on_cleanup(move || unsubscribe(id));
    }
}

/// Calls `handler` for new log lines of `job`, in order, each line once. The first call may repeat lines that the page was
/// rendered with; a gap in the numbers means that lines were dropped and must be read from the server.
pub fn on_log(job: JobId, handler: impl Fn(&LogEvent) + 'static) {
    if let Some(id) = with_store(|store| store.on_log(job, handler)) {
        on_cleanup(move || {
            release(Interest::Log(job));
            unsubscribe(id);
        });
    }
}

/// Calls `handler` for each message to the reader or to viewers of a job on this page (topic `messages`); with `None` if
/// some may have been missed.
pub fn on_message(handler: impl Fn(Option<&MessageEvent>) + 'static) {
    if let Some(id) = with_store(|store| store.on_message(handler)) {
        on_cleanup(move || {
            release(Interest::Messages);
            unsubscribe(id);
        });
    }
}

/// Returns the number of jobs in each state (topic `jobs`).
pub fn counts(initial: Counts) -> RwSignal<Counts> {
    let Some(stream) = with_store(|store| store.counts(initial)) else { return RwSignal::new(initial) };
    on_cleanup(|| release(Interest::Jobs));
    follow(initial, stream)
}

/// Runs an effect now, and again when a signal that it reads changes. Boxed: each effect type adds kilobytes to the
/// wasm.
pub fn effect(act: impl Fn() + 'static) {
    let act: Box<dyn Fn()> = Box::new(act);
    Effect::new(act);
}

/// Returns the server's clock, updated once a second.
pub fn now() -> RwSignal<Micros> {
    if cfg!(feature = "hydrate") { event_source::clock().into() } else { RwSignal::default() }
}

/// Returns the connection state, and when the server was last heard from.
pub fn connection_state() -> Signal<(ConnectionState, Option<Micros>)> {
    if cfg!(feature = "hydrate") {
        event_source::connection_state().into()
    } else {
        Signal::stored((ConnectionState::Connecting, None))
    }
}

/// Returns whether the server runs another build than the page.
pub fn newer_build() -> Signal<bool> {
    if cfg!(feature = "hydrate") { event_source::newer_build().into() } else { Signal::stored(false) }
}

/// Calls the page's job store and schedules an update of the stream's topics. `None` on the server.
fn with_store<T>(question: impl FnOnce(&mut JobStore) -> T) -> Option<T> {
    cfg!(feature = "hydrate").then(|| event_source::with_store(question))
}

fn release(one: Interest) {
    with_store(|store| store.interests.remove(one));
}

fn unsubscribe(subscriber: u64) {
    with_store(|store| store.unsubscribe(subscriber));
}
