//! The events of `GET /events`. Durable ones carry an SSE `id` (a [`crate::Cursor`]); volatile ones never do.

use serde::{Deserialize, Serialize};

use crate::{
    AttemptNo, Counts, Cursor, JobId, JobState, JobView, LogLine, MessageEvent, Micros, Progress, QueueControl, Seq,
    StreamId,
};

/// One event of the stream.
#[derive(Clone, Debug, PartialEq)]
pub enum StreamEvent {
    /// Sent at once on connecting.
    Hello(Hello),
    /// What the topics show as of its `id`.
    Snapshot(Box<Snapshot>),
    /// The newest progress of one job. Volatile.
    Progress(Box<ProgressEvent>),
    /// A job changed its state, or something else worth keeping. Durable.
    State(Box<StateEvent>),
    /// New lines of a log. Durable.
    Log(LogEvent),
    /// A queue or a kind was paused, resumed or limited; how it stands now. Durable.
    QueueControl(QueueControl),
    /// A text for people. Durable.
    Message(MessageEvent),
    /// The server lives. Volatile.
    Heartbeat(Heartbeat),
    /// The server is about to close the stream.
    Bye(Bye),
    /// Every job named is over (`until=end` only).
    End(End),
}

/// First words of a stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    /// Epoch and sequence at the moment of connecting.
    pub epoch: String,
    /// The newest durable event then.
    pub seq: i64,
    /// Which build answers; differs from the page's after an upgrade.
    pub build: String,
    /// Milliseconds between heartbeats; three without any frame mean a dead stream.
    pub heartbeat_ms: u64,
    /// Names this stream, to change its topics.
    pub stream: StreamId,
    /// The server's clock.
    pub at: Micros,
}

/// The state of everything the topics name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The jobs asked for by `job=`, and those that run where `jobs` or `overview` is asked for.
    pub jobs: Vec<JobView>,
    /// The last lines of the logs of the jobs asked for by `job=`.
    pub logs: Vec<LogEvent>,
    /// How many jobs there are in each state, where `jobs` or `overview` is asked for.
    pub counts: Option<Counts>,
    /// The newest durable event it takes in. What it shows is newer than any event up to this one.
    #[serde(default)]
    pub seq: Seq,
    /// Set when it covers only topics added to an open stream. It has no SSE `id` then, because events of the other
    /// topics, older than it, may still be on their way.
    #[serde(default)]
    pub partial: bool,
}

/// The newest progress of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProgressEvent {
    /// Whose.
    pub job: JobId,
    /// Of which attempt.
    pub attempt: AttemptNo,
    /// What; its fields stand beside these two.
    #[serde(flatten)]
    pub progress: Progress,
}

/// A durable change of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StateEvent {
    /// The job as it stands after the change, `job attempt state …`; a terminal one carries the final progress.
    #[serde(flatten)]
    pub view: JobView,
    /// Error code of a failed attempt, or what happened: `created`, `cancel_requested`, `deleted` …
    pub code: Option<String>,
    /// How many jobs there are in each state after it.
    pub counts: Option<Counts>,
}

impl StateEvent {
    /// Shorthand for `view.state`.
    pub const fn state(&self) -> JobState {
        self.view.state
    }
}

/// Lines added to a log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogEvent {
    /// Whose.
    pub job: JobId,
    /// Of which attempt.
    pub attempt: AttemptNo,
    /// Number of the first of `lines`; a job's log starts at 1 and goes on over attempts.
    pub first_line: u64,
    /// The lines.
    pub lines: Vec<LogLine>,
}

/// The server lives.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// The server's clock.
    pub at: Micros,
}

/// Why the server closes a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ByeReason {
    /// The stream has lived its time; connect anew.
    Lifetime,
    /// The server is going down; connect anew after `retry_ms`.
    Drain,
    /// The right to read is gone.
    Revoked,
    /// The reader could not keep up.
    Slow,
    /// There are as many streams as there may be: of this reader, from its address, or in all.
    Full,
}

/// Announces a deliberate close.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bye {
    /// Why.
    pub reason: ByeReason,
    /// Wait this long before connecting again, milliseconds.
    pub retry_ms: u64,
}

/// All jobs named are over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct End {
    /// Reconnecting with this is answered 204.
    pub cursor: Cursor,
}

impl StreamEvent {
    /// The SSE event name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Hello(_) => "hello",
            Self::Snapshot(_) => "snapshot",
            Self::Progress(_) => "progress",
            Self::State(_) => "state",
            Self::Log(_) => "log",
            Self::QueueControl(_) => "gate",
            Self::Message(_) => "message",
            Self::Heartbeat(_) => "heartbeat",
            Self::Bye(_) => "bye",
            Self::End(_) => "end",
        }
    }

    /// The SSE data: JSON on one line.
    ///
    /// # Errors
    /// Only where a number in free task data cannot be written as JSON.
    pub fn to_json(&self) -> serde_json::Result<String> {
        match self {
            Self::Hello(data) => serde_json::to_string(data),
            Self::Snapshot(data) => serde_json::to_string(data),
            Self::Progress(data) => serde_json::to_string(data),
            Self::State(data) => serde_json::to_string(data),
            Self::Log(data) => serde_json::to_string(data),
            Self::QueueControl(data) => serde_json::to_string(data),
            Self::Message(data) => serde_json::to_string(data),
            Self::Heartbeat(data) => serde_json::to_string(data),
            Self::Bye(data) => serde_json::to_string(data),
            Self::End(data) => serde_json::to_string(data),
        }
    }

    /// Reads an event by its name; `None` for a name this build does not know.
    pub fn from_json(name: &str, data: &str) -> Option<serde_json::Result<Self>> {
        Some(match name {
            "hello" => serde_json::from_str(data).map(Self::Hello),
            "snapshot" => serde_json::from_str(data).map(Self::Snapshot),
            "progress" => serde_json::from_str(data).map(Self::Progress),
            "state" => serde_json::from_str(data).map(Self::State),
            "log" => serde_json::from_str(data).map(Self::Log),
            "gate" => serde_json::from_str(data).map(Self::QueueControl),
            "message" => serde_json::from_str(data).map(Self::Message),
            "heartbeat" => serde_json::from_str(data).map(Self::Heartbeat),
            "bye" => serde_json::from_str(data).map(Self::Bye),
            "end" => serde_json::from_str(data).map(Self::End),
            _ => return None,
        })
    }
}
