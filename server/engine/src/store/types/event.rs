//! Durable events and the topics of the event stream.

use std::collections::BTreeSet;

use model::{JobId, Seq, StreamEvent};

/// A durable event with its number.
#[derive(Clone, Debug, PartialEq)]
pub struct DurableEvent {
    /// Its number; the order of commits.
    pub seq: Seq,
    /// The job it is about; `None` if it is about none.
    pub job: Option<JobId>,
    /// A `State`, `Log`, `Message`, `QueueControl` or `Schedule` event.
    pub event: StreamEvent,
}

/// What a stream or a page subscribes to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Topics {
    /// State changes of all jobs, and counts.
    pub jobs: bool,
    /// The overview page.
    pub overview: bool,
    /// Messages to users.
    pub messages: bool,
    /// Everything about these jobs, logs included.
    pub job: BTreeSet<JobId>,
    /// State and progress of these jobs, as a list shows them, without logs.
    pub row: BTreeSet<JobId>,
}
