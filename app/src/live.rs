//! Live updates: the event stream in the browser, with one signal a job.
//!
//! Islands register here what they show, and the stream's topics follow. On the server, and until the stream is open, a
//! signal holds what the page was rendered with.
//!
//! [`connection`], [`tab_leader`], [`merge`], [`subscriptions`] and [`reconnect`] decide without browser types;
//! `job_store` holds the signals; `event_source` carries out the decisions, with `request` for the server and
//! `tab_channel` for other tabs.

pub mod connection;
pub(crate) mod decode;
mod event_source;
mod job_store;
pub mod merge;
pub mod reconnect;
mod request;
pub mod share;
pub mod subscriptions;
mod tab_channel;

use leptos::prelude::*;
use model::{Counts, JobId, JobView, LogEvent, MessageEvent, Micros, StateEvent};

use job_store::JobStore;
use subscriptions::Interest;

/// State of the connection to the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Link {
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

impl Link {
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

/// Returns the signal of a job, shared by all elements that show it.
pub fn job(initial: JobView) -> RwSignal<JobView> {
    let job = initial.job;
    match ask(|store| store.show(&initial)) {
        Some(signal) => {
            on_cleanup(move || forget(Interest::Row(job)));
            signal.into()
        }
        None => RwSignal::new(initial),
    }
}

/// Calls `hear` for each durable change of any job (topic `jobs`). After a gap it is called for each job of the new
/// snapshot that differs from the known one.
pub fn on_state(hear: impl Fn(&StateEvent) + 'static) {
    if let Some(id) = ask(|store| store.hear_states(hear)) {
        on_cleanup(move || {
            forget(Interest::Jobs);
            silence(id);
        });
    }
}

/// Calls `hear` when a queue or task is paused, resumed or limited, and after a gap in which that may have happened
/// (topic `jobs`).
pub fn on_gate(hear: impl Fn() + 'static) {
    if let Some(id) = ask(|store| store.hear_gates(hear)) {
        on_cleanup(move || {
            forget(Interest::Jobs);
            silence(id);
        });
    }
}

/// Calls `hear` when a job on this page changes its shown state.
pub fn on_change(hear: impl Fn(&JobView) + 'static) {
    if let Some(id) = ask(|store| store.hear_changes(hear)) {
        on_cleanup(move || silence(id));
    }
}

/// Calls `hear` for new log lines of `job`, in order, each line once. The first call may repeat lines that the page was
/// rendered with; a gap in the numbers means that lines were dropped and must be read from the server.
pub fn on_log(job: JobId, hear: impl Fn(&LogEvent) + 'static) {
    if let Some(id) = ask(|store| store.hear_log(job, hear)) {
        on_cleanup(move || {
            forget(Interest::Log(job));
            silence(id);
        });
    }
}

/// Calls `hear` for each message to the reader or to viewers of a job on this page (topic `messages`); with `None` if
/// some may have been missed.
pub fn on_message(hear: impl Fn(Option<&MessageEvent>) + 'static) {
    if let Some(id) = ask(|store| store.hear_messages(hear)) {
        on_cleanup(move || {
            forget(Interest::Messages);
            silence(id);
        });
    }
}

/// Returns the number of jobs in each state (topic `jobs`).
pub fn counts(initial: Counts) -> RwSignal<Counts> {
    match ask(|store| store.counts(initial)) {
        Some(signal) => {
            on_cleanup(|| forget(Interest::Jobs));
            signal.into()
        }
        None => RwSignal::new(initial),
    }
}

/// Runs an effect now, and again when a signal that it reads changes. Boxed: each effect type adds kilobytes to the
/// wasm.
pub fn keep(act: impl Fn() + 'static) {
    let act: Box<dyn Fn()> = Box::new(act);
    Effect::new(act);
}

/// Returns the server's clock, updated once a second.
pub fn now() -> Signal<Micros> {
    if cfg!(feature = "hydrate") { event_source::clock().into() } else { Signal::stored(Micros::default()) }
}

/// Returns the connection state, and when the server was last heard from.
pub fn link() -> Signal<(Link, Option<Micros>)> {
    if cfg!(feature = "hydrate") { event_source::link().into() } else { Signal::stored((Link::Connecting, None)) }
}

/// Returns whether the server runs another build than the page.
pub fn newer_build() -> Signal<bool> {
    if cfg!(feature = "hydrate") { event_source::newer_build().into() } else { Signal::stored(false) }
}

/// Calls the page's job store and schedules an update of the stream's topics. `None` on the server.
fn ask<T>(question: impl FnOnce(&mut JobStore) -> T) -> Option<T> {
    cfg!(feature = "hydrate").then(|| event_source::ask(question))
}

fn forget(one: Interest) {
    ask(|store| store.interests.remove(one));
}

fn silence(hearer: u64) {
    ask(|store| store.silence(hearer));
}
