//! The browser's link to the server: one event stream, one signal per job.
//!
//! Islands ask here for what they show; the stream's topics follow from that. On the server, and before the stream
//! is open, a signal simply holds what the page was rendered with.

use leptos::prelude::*;
use model::{Counts, JobId, JobView, LogEvent, Micros, StateEvent};

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
    /// The browser says there is no network.
    Offline,
}

/// The signal of one job, shared by all who show it. `logs` asks for its log lines too.
pub fn job(initial: JobView, logs: bool) -> RwSignal<JobView> {
    let _ = logs;
    RwSignal::new(initial)
}

/// Calls `hear` for each durable change of any job (topic `jobs`).
pub fn on_state(hear: impl Fn(&StateEvent) + 'static) {
    let _ = hear;
}

/// Calls `hear` for new log lines of `job`, in order, each line once.
pub fn on_log(job: JobId, hear: impl Fn(&LogEvent) + 'static) {
    let _ = (job, hear);
}

/// How many jobs are in each state (topic `jobs`).
pub fn counts(initial: Counts) -> RwSignal<Counts> {
    RwSignal::new(initial)
}

/// The server's clock, moving once a second.
pub fn now(initial: Micros) -> Signal<Micros> {
    Signal::stored(initial)
}

/// How the link stands, and when the server was last heard.
pub fn link() -> Signal<(Link, Option<Micros>)> {
    Signal::stored((Link::Connecting, None))
}
