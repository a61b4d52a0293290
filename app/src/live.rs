//! The browser's link to the server: one event stream, one signal per job.
//!
//! Islands ask here for what they show; the stream's topics follow from that. On the server, and before the stream
//! is open, a signal simply holds what the page was rendered with.
//!
//! What to do with an event is decided in [`known`], [`topics`] and [`retry`], which know nothing of the browser;
//! `board` keeps the signals, `stream` holds the `EventSource`.

mod board;
pub(crate) mod json;
pub mod known;
pub mod retry;
mod stream;
pub mod topics;
pub(crate) mod wire;

use leptos::prelude::*;
use model::{Counts, JobId, JobView, LogEvent, MessageEvent, Micros, StateEvent};

use board::Board;
use topics::Use;

/// How the link to the server stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Link {
    /// Not open yet.
    #[default]
    Connecting,
    /// Open, and heard from lately.
    Live,
    /// Lost; trying again.
    Reconnecting,
    /// Let go while nobody looks at the page.
    Paused,
    /// The browser says there is no network.
    Offline,
    /// The server does not let this page listen: its session has ended.
    SignedOut,
}

impl Link {
    /// Whether nothing is tried until the page is looked at anew, or the network comes back.
    const fn rests(self) -> bool {
        matches!(self, Self::Paused | Self::SignedOut)
    }
}

/// The signal of one job, shared by all who show it.
pub fn job(initial: JobView) -> RwSignal<JobView> {
    let job = initial.job;
    match ask(|board| board.show(&initial)) {
        Some(signal) => {
            on_cleanup(move || forget(Use::Row(job)));
            signal.into()
        }
        None => RwSignal::new(initial),
    }
}

/// Calls `hear` for each durable change of any job (topic `jobs`). After a gap too long to be told event by event,
/// it is called for each job of the new snapshot that is not as it was known.
pub fn on_state(hear: impl Fn(&StateEvent) + 'static) {
    if let Some(id) = ask(|board| board.hear_states(hear)) {
        on_cleanup(move || {
            forget(Use::Jobs);
            silence(id);
        });
    }
}

/// Calls `hear` when a queue or a kind is paused, resumed or limited, and where that may have happened unheard (topic
/// `jobs`).
pub fn on_gate(hear: impl Fn() + 'static) {
    if let Some(id) = ask(|board| board.hear_gates(hear)) {
        on_cleanup(move || {
            forget(Use::Jobs);
            silence(id);
        });
    }
}

/// Calls `hear` when a job shown on this page comes to be shown as something else: queued, running, cancelling …
pub fn on_change(hear: impl Fn(&JobView) + 'static) {
    if let Some(id) = ask(|board| board.hear_changes(hear)) {
        on_cleanup(move || silence(id));
    }
}

/// Calls `hear` for new log lines of `job`, in order, each line once. The first call may repeat what the page was
/// rendered with; a gap in the numbers means that lines were too many to be sent, and can be read from the server.
pub fn on_log(job: JobId, hear: impl Fn(&LogEvent) + 'static) {
    if let Some(id) = ask(|board| board.hear_log(job, hear)) {
        on_cleanup(move || {
            forget(Use::Log(job));
            silence(id);
        });
    }
}

/// Calls `hear` with each text that comes for whoever looks (topic `messages`), or for those who watch a job shown on this
/// page; with `None` where some may have been missed.
pub fn on_message(hear: impl Fn(Option<&MessageEvent>) + 'static) {
    if let Some(id) = ask(|board| board.hear_messages(hear)) {
        on_cleanup(move || {
            forget(Use::Messages);
            silence(id);
        });
    }
}

/// How many jobs are in each state (topic `jobs`).
pub fn counts(initial: Counts) -> RwSignal<Counts> {
    match ask(|board| board.counts(initial)) {
        Some(signal) => {
            on_cleanup(|| forget(Use::Jobs));
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
    if cfg!(feature = "hydrate") { stream::clock().into() } else { Signal::stored(Micros::default()) }
}

/// How the link stands, and when the server was last heard.
pub fn link() -> Signal<(Link, Option<Micros>)> {
    if cfg!(feature = "hydrate") { stream::link().into() } else { Signal::stored((Link::Connecting, None)) }
}

/// Whether the server has been heard to be of another build than the page: reloading it brings the new version.
pub fn newer_build() -> Signal<bool> {
    if cfg!(feature = "hydrate") { stream::newer_build().into() } else { Signal::stored(false) }
}

/// Asks the page's board, and has the stream follow. The server has none.
fn ask<T>(question: impl FnOnce(&mut Board) -> T) -> Option<T> {
    cfg!(feature = "hydrate").then(|| stream::ask(question))
}

fn forget(one: Use) {
    ask(|board| board.uses.remove(one));
}

fn silence(hearer: u64) {
    ask(|board| board.silence(hearer));
}
