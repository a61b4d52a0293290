//! The browser's link to the server: one event stream, one signal per job.
//!
//! Islands ask here for what they show; the stream's topics follow from that. On the server, and before the stream
//! is open, a signal simply holds what the page was rendered with.
//!
//! What to do is decided in [`connection`], [`share`], [`merge`], [`subscriptions`] and [`reconnect`], which know nothing of the
//! browser; `board` keeps the signals, and `stream` does what was decided, with `request` to the server and `channel` to other
//! tabs.

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

/// How the link to the server stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Link {
    /// Not open yet.
    #[default]
    Connecting,
    /// Open, and heard from lately.
    Live,
    /// Open, and silent for longer than it should be.
    Stale,
    /// Lost; trying again.
    Reconnecting,
    /// Without a stream, which something on its way holds back: what there is to tell is asked for again and again.
    Polling,
    /// Let go while nobody looks at the page.
    Paused,
    /// The browser says there is no network.
    Offline,
    /// The server does not let this page listen: its session has ended.
    SignedOut,
}

impl Link {
    /// All of them, each at the place of its number.
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

    /// Whether what the page shows is what the server says.
    pub(crate) const fn is_live(self) -> bool {
        matches!(self, Self::Live | Self::Polling)
    }
}

/// The signal of one job, shared by all who show it.
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

/// Calls `hear` for each durable change of any job (topic `jobs`). After a gap too long to be told event by event,
/// it is called for each job of the new snapshot that is not as it was known.
pub fn on_state(hear: impl Fn(&StateEvent) + 'static) {
    if let Some(id) = ask(|store| store.hear_states(hear)) {
        on_cleanup(move || {
            forget(Interest::Jobs);
            silence(id);
        });
    }
}

/// Calls `hear` when a queue or a kind is paused, resumed or limited, and where that may have happened unheard (topic
/// `jobs`).
pub fn on_gate(hear: impl Fn() + 'static) {
    if let Some(id) = ask(|store| store.hear_gates(hear)) {
        on_cleanup(move || {
            forget(Interest::Jobs);
            silence(id);
        });
    }
}

/// Calls `hear` when a job shown on this page comes to be shown as something else: queued, running, cancelling …
pub fn on_change(hear: impl Fn(&JobView) + 'static) {
    if let Some(id) = ask(|store| store.hear_changes(hear)) {
        on_cleanup(move || silence(id));
    }
}

/// Calls `hear` for new log lines of `job`, in order, each line once. The first call may repeat what the page was
/// rendered with; a gap in the numbers means that lines were too many to be sent, and can be read from the server.
pub fn on_log(job: JobId, hear: impl Fn(&LogEvent) + 'static) {
    if let Some(id) = ask(|store| store.hear_log(job, hear)) {
        on_cleanup(move || {
            forget(Interest::Log(job));
            silence(id);
        });
    }
}

/// Calls `hear` with each text that comes for whoever looks (topic `messages`), or for those who watch a job shown on this
/// page; with `None` where some may have been missed.
pub fn on_message(hear: impl Fn(Option<&MessageEvent>) + 'static) {
    if let Some(id) = ask(|store| store.hear_messages(hear)) {
        on_cleanup(move || {
            forget(Interest::Messages);
            silence(id);
        });
    }
}

/// How many jobs are in each state (topic `jobs`).
pub fn counts(initial: Counts) -> RwSignal<Counts> {
    match ask(|store| store.counts(initial)) {
        Some(signal) => {
            on_cleanup(|| forget(Interest::Jobs));
            signal.into()
        }
        None => RwSignal::new(initial),
    }
}

/// Does something now, and again whenever a signal changes that it reads. Boxed: each kind of effect weighs kilobytes.
pub fn keep(act: impl Fn() + 'static) {
    let act: Box<dyn Fn()> = Box::new(act);
    Effect::new(act);
}

/// The server's clock, moving once a second.
pub fn now() -> Signal<Micros> {
    if cfg!(feature = "hydrate") { event_source::clock().into() } else { Signal::stored(Micros::default()) }
}

/// How the link stands, and when the server was last heard.
pub fn link() -> Signal<(Link, Option<Micros>)> {
    if cfg!(feature = "hydrate") { event_source::link().into() } else { Signal::stored((Link::Connecting, None)) }
}

/// Whether the server has been heard to be of another build than the page: reloading it brings the new version.
pub fn newer_build() -> Signal<bool> {
    if cfg!(feature = "hydrate") { event_source::newer_build().into() } else { Signal::stored(false) }
}

/// Asks the page's board, and has the stream follow. The server has none.
fn ask<T>(question: impl FnOnce(&mut JobStore) -> T) -> Option<T> {
    cfg!(feature = "hydrate").then(|| event_source::ask(question))
}

fn forget(one: Interest) {
    ask(|store| store.interests.remove(one));
}

fn silence(hearer: u64) {
    ask(|store| store.silence(hearer));
}
