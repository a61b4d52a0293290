//! Queries and pages: lists of jobs and logs.

use model::{JobId, JobState, JobView, Level, LogLine, Micros};

use crate::types::visibility::Visibility;

/// The most distinct words of a search; further ones are ignored.
pub const SEARCH_WORDS: usize = 8;

/// Counts of matching jobs are exact below this number.
pub const COUNTED_MATCHES: u64 = 1_000;

/// A query for a list of jobs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListQuery {
    /// Only these states; empty for all.
    pub states: Vec<JobState>,
    /// Only this kind.
    pub kind: Option<String>,
    /// Created at or after.
    pub from: Option<Micros>,
    /// Created before.
    pub until: Option<Micros>,
    /// Words that must all occur in id, kind or title, ignoring case. At most [`SEARCH_WORDS`] distinct words
    /// count, and a search takes 2 s at most; else it is refused with the code `search_too_long` or `searches_busy`.
    pub text: Option<String>,
    /// Jobs before (older than) or after (newer than) this one.
    pub at: Option<PageAt>,
    /// Only what the user can see; everything by default.
    pub visibility: Visibility,
    /// How many; 1 to 200.
    pub limit: u32,
}

/// Where a page begins: the key of keyset pagination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageAt {
    /// The newest that are older than this job.
    OlderThan(JobId),
    /// The oldest that are newer than this job; still shown newest first.
    NewerThan(JobId),
    /// The last page: the oldest of all.
    Oldest,
}

/// A page of jobs, newest first.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The jobs.
    pub jobs: Vec<JobView>,
    /// Whether there are older ones.
    pub older: bool,
    /// Whether there are newer ones.
    pub newer: bool,
}

/// A query for part of a log.
#[derive(Clone, Debug, Default)]
pub struct LogQuery {
    /// The last lines before this number, in rising order.
    pub before: Option<u64>,
    /// Lines from this number on. Not together with `before`. Without both: the end of the log.
    pub from: Option<u64>,
    /// Only this level or a more severe one.
    pub level: Option<Level>,
    /// Only lines that contain this, ignoring case.
    pub text: Option<String>,
    /// How many lines; 1 to 10,000.
    pub limit: u32,
}

/// Part of a log, in rising order.
#[derive(Clone, Debug, Default)]
pub struct LogPage {
    /// Number and line.
    pub lines: Vec<(u64, LogLine)>,
    /// Whether matching lines exist before the first.
    pub more_before: bool,
    /// Whether matching lines exist after the last.
    pub more_after: bool,
    /// Lines in the whole log.
    pub total: u64,
}
