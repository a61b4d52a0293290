//! Event stream: the events of `GET /events`. Durable ones have an SSE `id` (a [`crate::Cursor`]), volatile ones do
//! not.

use serde::{Deserialize, Serialize};

use crate::{
    AttemptNo, Counts, Cursor, JobId, JobState, JobView, LogLine, MessageEvent, Micros, Progress, QueueControl, Seq,
    StreamId,
};

/// An event of the stream.
#[derive(Clone, Debug, PartialEq)]
pub enum StreamEvent {
    /// The first event of a connection.
    Hello(Hello),
    /// The state of the subscribed topics as of its `id`.
    Snapshot(Box<Snapshot>),
    /// The newest progress of one job. Volatile.
    Progress(Box<ProgressEvent>),
    /// A job changed its state or another durable property. Durable.
    State(Box<StateEvent>),
    /// New lines of a log. Durable.
    Log(LogEvent),
    /// A queue or a kind was paused, resumed or limited: its new control. Durable.
    QueueControl(QueueControl),
    /// A schedule was added, changed, paused, resumed or deleted, or a run of it was skipped. Durable.
    Schedule(ScheduleEvent),
    /// A message or note. Durable.
    Message(MessageEvent),
    /// The connection is alive. Volatile.
    Heartbeat(Heartbeat),
    /// The server is about to close the stream.
    Bye(Bye),
    /// All subscribed jobs have ended (`until=end` only).
    End(End),
}

/// The first event of a connection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    /// Epoch of the event log.
    pub epoch: String,
    /// The newest durable event at the time of connecting.
    pub seq: i64,
    /// The build of the server; differs from the page's after an upgrade.
    pub build: String,
    /// Milliseconds between heartbeats. A stream without any frame for three of them is dead.
    pub heartbeat_ms: u64,
    /// Id of this stream, to change its topics.
    pub stream: StreamId,
    /// The server's clock.
    pub at: Micros,
}

/// The state of all subscribed topics.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The jobs subscribed by `job=`, and with `jobs` or `overview` all running ones.
    pub jobs: Vec<JobView>,
    /// The last log lines of the jobs subscribed by `job=`.
    pub logs: Vec<LogEvent>,
    /// Number of jobs in each state, with `jobs` or `overview`.
    pub counts: Option<Counts>,
    /// The newest durable event that it includes. It supersedes all events up to this one.
    #[serde(default)]
    pub seq: Seq,
    /// Set if it covers only topics that were added to an open stream. It has no SSE `id` then, because older events of
    /// the other topics may still be in transit.
    #[serde(default)]
    pub partial: bool,
}

/// The newest progress of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProgressEvent {
    /// Id of the job.
    pub job: JobId,
    /// Number of the attempt.
    pub attempt: AttemptNo,
    /// Flattened in JSON.
    #[cfg_attr(not(target_family = "wasm"), serde(flatten))]
    #[cfg_attr(target_family = "wasm", serde(rename = ""))]
    pub progress: Progress,
}

/// A durable change of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StateEvent {
    /// The job after the change, flattened in JSON; in a terminal state with its final progress.
    #[cfg_attr(not(target_family = "wasm"), serde(flatten))]
    #[cfg_attr(target_family = "wasm", serde(rename = ""))]
    pub view: JobView,
    /// Error code of a failed attempt, or the change: `created`, `cancel_requested`, `deleted` …
    pub code: Option<String>,
    /// Number of jobs in each state after the change.
    pub counts: Option<Counts>,
}

impl StateEvent {
    /// The state after the change.
    pub const fn state(&self) -> JobState {
        self.view.state
    }
}

/// Lines added to a log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogEvent {
    /// Id of the job.
    pub job: JobId,
    /// Number of the attempt.
    pub attempt: AttemptNo,
    /// Number of the first of `lines`. The log of a job starts at 1 and continues across attempts.
    pub first_line: u64,
    /// In order.
    pub lines: Vec<LogLine>,
}

/// A change of a schedule; its page has the details. The runs it starts have events of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleEvent {
    /// Its number.
    pub schedule: i64,
    /// The kind of its jobs.
    pub kind: String,
    /// The user who owns it.
    pub owner: String,
}

/// Sent at an interval to show that the connection is alive.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// The server's clock.
    pub at: Micros,
}

/// The reason why the server closes a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ByeReason {
    /// The maximum lifetime is reached; reconnect.
    Lifetime,
    /// The server is shutting down; reconnect after `retry_ms`.
    Drain,
    /// The permission to read was revoked.
    Revoked,
    /// The client is too slow.
    Slow,
    /// A limit of streams is reached: of the session, the user, the address or the server.
    Full,
}

/// Announces a deliberate close.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bye {
    /// Reason of the close.
    pub reason: ByeReason,
    /// Milliseconds to wait before reconnecting.
    pub retry_ms: u64,
}

/// All subscribed jobs have ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct End {
    /// A reconnect with this cursor is answered with 204.
    pub cursor: Cursor,
}

impl StreamEvent {
    /// Returns the SSE event name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Hello(_) => "hello",
            Self::Snapshot(_) => "snapshot",
            Self::Progress(_) => "progress",
            Self::State(_) => "state",
            Self::Log(_) => "log",
            Self::QueueControl(_) => "gate",
            Self::Schedule(_) => "schedule",
            Self::Message(_) => "message",
            Self::Heartbeat(_) => "heartbeat",
            Self::Bye(_) => "bye",
            Self::End(_) => "end",
        }
    }

    /// Serialises the SSE data as JSON on one line.
    ///
    /// # Errors
    /// If a number in the custom data of a task has no JSON form.
    pub fn to_json(&self) -> serde_json::Result<String> {
        match self {
            Self::Hello(data) => serde_json::to_string(data),
            Self::Snapshot(data) => serde_json::to_string(data),
            Self::Progress(data) => serde_json::to_string(data),
            Self::State(data) => serde_json::to_string(data),
            Self::Log(data) => serde_json::to_string(data),
            Self::QueueControl(data) => serde_json::to_string(data),
            Self::Schedule(data) => serde_json::to_string(data),
            Self::Message(data) => serde_json::to_string(data),
            Self::Heartbeat(data) => serde_json::to_string(data),
            Self::Bye(data) => serde_json::to_string(data),
            Self::End(data) => serde_json::to_string(data),
        }
    }

    /// Parses an event by its name; `None` for a name that this build does not know.
    pub fn from_json(name: &str, data: &str) -> Option<serde_json::Result<Self>> {
        Some(match name {
            "hello" => serde_json::from_str(data).map(Self::Hello),
            "snapshot" => serde_json::from_str(data).map(Self::Snapshot),
            "progress" => serde_json::from_str(data).map(Self::Progress),
            "state" => serde_json::from_str(data).map(Self::State),
            "log" => serde_json::from_str(data).map(Self::Log),
            "gate" => serde_json::from_str(data).map(Self::QueueControl),
            "schedule" => serde_json::from_str(data).map(Self::Schedule),
            "message" => serde_json::from_str(data).map(Self::Message),
            "heartbeat" => serde_json::from_str(data).map(Self::Heartbeat),
            "bye" => serde_json::from_str(data).map(Self::Bye),
            "end" => serde_json::from_str(data).map(Self::End),
            _ => return None,
        })
    }
}
