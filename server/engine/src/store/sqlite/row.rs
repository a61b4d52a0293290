//! Rows of `job` as views, and the other way round.

use model::{Failure, JobId, JobState, JobView, Micros, Progress};
use sqlx::{Row, sqlite::SqliteRow};

use super::error::corrupt;
use crate::Result;

/// The columns that [`view`] reads, for `concat!` in a statement over `job`.
macro_rules! view_columns {
    () => {
        "job.id, job.attempt, job.state, job.kind, job.title, job.created_by, job.created_at, job.run_at, \
         job.started_at, job.ended_at, job.cancel_requested_at, job.cancel_requested_by, job.not_responding, \
         job.max_attempts, job.rerun_of, job.failure_code, job.failure_message, job.progress"
    };
}
pub(super) use view_columns;

/// How many columns that are; further ones come after.
pub(super) const VIEW_COLUMNS: usize = 18;

/// Reads the columns of [`view_columns`]. The place in line is not among them.
pub(super) fn view(row: &SqliteRow) -> Result<JobView> {
    Ok(JobView {
        job: JobId(row.try_get(0)?),
        attempt: row.try_get(1)?,
        state: state(row.try_get(2)?)?,
        kind: row.try_get(3)?,
        title: row.try_get(4)?,
        created_by: row.try_get(5)?,
        created_at: Micros(row.try_get(6)?),
        run_at: row.try_get::<Option<i64>, _>(7)?.map(Micros),
        started_at: row.try_get::<Option<i64>, _>(8)?.map(Micros),
        ended_at: row.try_get::<Option<i64>, _>(9)?.map(Micros),
        cancel_requested_at: row.try_get::<Option<i64>, _>(10)?.map(Micros),
        cancel_requested_by: row.try_get(11)?,
        not_responding: row.try_get(12)?,
        position: None,
        max_attempts: row.try_get(13)?,
        rerun_of: row.try_get::<Option<i64>, _>(14)?.map(JobId),
        failure: failure(row.try_get(15)?, row.try_get(16)?),
        progress: progress(row.try_get(17)?)?,
    })
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
    json.map_or_else(
        || Ok(Progress::default()),
        |json| serde_json::from_str(json).map_err(|error| corrupt("a job's progress", error)),
    )
}

/// Progress for its column; `None` where nothing was reported.
pub(super) fn progress_json(progress: &Progress) -> Result<Option<String>> {
    if *progress == Progress::default() { Ok(None) } else { json(progress).map(Some) }
}

/// Anything as JSON, for a statement over `json_each`.
pub(super) fn json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| corrupt("a value for the database", error))
}
