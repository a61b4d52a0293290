//! Ids, sequence numbers, cursors and timestamps as newtypes.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A job's number, shown as `#1042`. Positive; rises with time of creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(pub i64);

/// The sequence number of a durable event in the order of all events. Starts at 1; 0 is before all events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seq(pub i64);

/// The number of an attempt, 1 for the first. Never reused within a job, so it also fences stale writers.
pub type AttemptNo = u32;

/// Priority in the queue: -9 to 9, 0 by default. A higher priority goes before an earlier job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Priority(i8);

impl Priority {
    /// The lowest and the highest priority.
    pub const RANGE: std::ops::RangeInclusive<i8> = -9..=9;

    /// `None` outside of [`Priority::RANGE`].
    pub fn new(level: i64) -> Option<Self> {
        i8::try_from(level).ok().filter(|level| Self::RANGE.contains(level)).map(Self)
    }

    /// The number.
    pub const fn level(self) -> i8 {
        self.0
    }
}

/// An instant: microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Micros(pub i64);

impl Micros {
    /// Seconds from `earlier` to `self`; negative if `earlier` is later.
    pub fn seconds_since(self, earlier: Self) -> f64 {
        (self.0 - earlier.0) as f64 / 1e6
    }
}

/// An uploaded file, as an input field holds it. Opaque to clients; 32 lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UploadId(pub String);

/// One open stream, named in its `hello`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StreamId(pub String);

/// A position in the durable events of one store: what SSE carries as `id`. Clients treat its text as opaque.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cursor {
    /// Identifies the event log that `seq` counts in. Changes when the log is replaced, such as by a restore.
    pub epoch: String,
    /// The last event seen.
    pub seq: Seq,
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for JobId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.epoch, self.seq.0)
    }
}

/// A text that is not `epoch.seq` with a short alphanumeric epoch and a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MalformedCursor;

impl fmt::Display for MalformedCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a position in the event stream")
    }
}

impl std::error::Error for MalformedCursor {}

impl FromStr for Cursor {
    type Err = MalformedCursor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (epoch, seq) = text.split_once('.').ok_or(MalformedCursor)?;
        let plausible = (1..=32).contains(&epoch.len()) && epoch.bytes().all(|b| b.is_ascii_alphanumeric());
        let digits = !seq.is_empty() && seq.bytes().all(|b| b.is_ascii_digit());
        if !plausible || !digits {
            return Err(MalformedCursor);
        }
        let seq = seq.parse().map_err(|_| MalformedCursor)?;
        Ok(Self { epoch: epoch.to_owned(), seq: Seq(seq) })
    }
}

impl TryFrom<String> for Cursor {
    type Error = MalformedCursor;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Cursor> for String {
    fn from(cursor: Cursor) -> Self {
        cursor.to_string()
    }
}
