//! Rows of `job` as views, and the other way round.

use model::{Failure, JobId, JobState, JobView, Micros, Progress};
use serde::{Deserialize, de::DeserializeOwned};
use sqlx::{Row, sqlite::SqliteRow};

use super::error::corrupt;
use crate::Result;

/// What [`view`] reads, as one column of a statement over `job`, for `concat!`. JSON, because every value that comes
/// from the connection's thread has a price, and `json_group_array` can put a whole batch into one.
macro_rules! view_column {
    () => {
        "json_array(job.id, job.attempt, job.state, job.kind, job.title, job.created_by, job.created_at, job.run_at, \
         job.started_at, job.ended_at, job.cancel_requested_at, job.cancel_requested_by, job.not_responding, \
         job.max_attempts, job.rerun_of, job.failure_code, job.failure_message, json(job.progress))"
    };
}
pub(super) use view_column;

/// The values of [`view_column`], in order. The place in line is not among them.
#[derive(Deserialize)]
pub(super) struct ViewRow(
    JobId,
    u32,
    JobState,
    String,
    String,
    String,
    Micros,
    Option<Micros>,
    Option<Micros>,
    Option<Micros>,
    Option<Micros>,
    Option<String>,
    u8,
    u32,
    Option<JobId>,
    Option<String>,
    Option<String>,
    Option<Progress>,
);

impl From<ViewRow> for JobView {
    fn from(row: ViewRow) -> Self {
        Self {
            job: row.0,
            attempt: row.1,
            state: row.2,
            kind: row.3,
            title: row.4,
            created_by: row.5,
            created_at: row.6,
            run_at: row.7,
            started_at: row.8,
            ended_at: row.9,
            cancel_requested_at: row.10,
            cancel_requested_by: row.11,
            not_responding: row.12 != 0,
            position: None,
            max_attempts: row.13,
            rerun_of: row.14,
            failure: failure(row.15, row.16),
            progress: row.17.unwrap_or_default(),
        }
    }
}

/// Reads [`view_column`] where it is the first column.
pub(super) fn view(row: &SqliteRow) -> Result<JobView> {
    parse::<ViewRow>("a job", row.try_get(0)?).map(JobView::from)
}

/// Reads JSON that this store wrote or made.
pub(super) fn parse<T: DeserializeOwned>(what: &str, json: &str) -> Result<T> {
    serde_json::from_str(json).map_err(|error| corrupt(what, error))
}

/// A state by its word.
pub(super) fn state(word: &str) -> Result<JobState> {
    JobState::from_word(word).ok_or_else(|| corrupt("a job's state", word))
}

/// A failure from its two columns.
pub(super) fn failure(code: Option<String>, message: Option<String>) -> Option<Failure> {
    code.map(|code| Failure { code, message: message.unwrap_or_default() })
}

/// Progress from its column.
pub(super) fn progress(json: Option<&str>) -> Result<Progress> {
    json.map_or_else(|| Ok(Progress::default()), |json| parse("a job's progress", json))
}

/// Progress for its column; `None` where nothing was reported.
pub(super) fn progress_json(progress: &Progress) -> Result<Option<String>> {
    if *progress == Progress::default() { Ok(None) } else { json(progress).map(Some) }
}

/// Anything as JSON, for a statement over `json_each`.
pub(super) fn json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| corrupt("a value for the database", error))
}
