//! Columns and their JSON: rows of `job` as views, events and log chunks as they are stored.

use std::borrow::Cow;

use model::{
    AnsiStyles, Counts, Failure, JobId, JobState, JobView, Level, LogEvent, LogLine, Micros, Priority, Progress, Seq,
    StateEvent, StreamEvent,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{buffered::level_number, error::corrupt};
use crate::{
    Result,
    store::{DurableEvent, rules::counters::count_mut},
};

/// The columns of a [`JobView`] before its progress.
macro_rules! first_columns {
    () => {
        "job.id, job.attempt, job.state, job.kind, job.title, job.created_by, job.created_at, job.run_at, \
         job.started_at, job.ended_at, job.cancel_requested_at, job.cancel_requested_by, job.not_responding, \
         job.max_attempts, job.rerun_of, job.failure_code, job.failure_message"
    };
}
pub(super) use first_columns;

/// The columns of a [`JobView`] after its progress.
macro_rules! last_columns {
    () => {
        "job.pause_requested_at, job.earlier_work, \
         (select user.display_name from user where user.name = job.cancel_requested_by), \
         job.reported_from, job.no_contact_since"
    };
}
pub(super) use last_columns;

/// The columns of a [`JobView`] in a statement over `job`, for `concat!`, without the place in the queue.
macro_rules! view_columns {
    () => {
        concat!(
            $crate::store::sqlite::row::first_columns!(),
            ", job.progress, ",
            $crate::store::sqlite::row::last_columns!()
        )
    };
}
pub(super) use view_columns;

/// The progress with which the next attempt of a job begins, computed from the progress in `$ended`: the place where
/// the last attempt stopped, without speed and times, if there is a checkpoint; else nothing. Any report of the next
/// attempt is newer.
macro_rules! progress_at_checkpoint {
    ($ended:literal) => {
        concat!(
            "iif(exists (select 1 from checkpoint where checkpoint.job = job.id), json_set(",
            $ended,
            ", '$.rev', 0, '$.message', '', '$.tone', 'info', '$.rate', null, '$.eta', null, '$.slow', json('false'), \
             '$.at', null), null)"
        )
    };
}
pub(super) use progress_at_checkpoint;

/// [`view_columns`] as one JSON column, which [`view`] reads. Each value that a reader gets from its connection's
/// thread has a cost, and `json_group_array` can put a whole page into one.
macro_rules! view_column {
    () => {
        concat!(
            "json_array(",
            $crate::store::sqlite::row::first_columns!(),
            ", job.progress -> '$', ",
            $crate::store::sqlite::row::last_columns!(),
            ")"
        )
    };
}
pub(super) use view_column;

/// The values of [`view_columns`], in order, owned where they are read, borrowed where they are written.
#[derive(Deserialize, Serialize)]
pub(super) struct ViewRow<Text = String, Reported = Progress>(
    JobId,
    u32,
    JobState,
    Text,
    Text,
    Text,
    Micros,
    Option<Micros>,
    Option<Micros>,
    Option<Micros>,
    Option<Micros>,
    Option<Text>,
    u8,
    u32,
    Option<JobId>,
    Option<Text>,
    Option<Text>,
    Option<Reported>,
    // Events of earlier builds end before one of these.
    #[serde(default)] Option<Micros>,
    #[serde(default)] i64,
    #[serde(default = "Option::default")] Option<Text>,
    #[serde(default = "Option::default")] Option<Text>,
    #[serde(default)] Option<Micros>,
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
            pause_requested_at: row.18,
            earlier_work: row.19,
            cancel_requested_by_name: row.20,
            reported_from: row.21,
            no_contact_since: row.22,
        }
    }
}

impl<'a> From<&'a JobView> for ViewRow<&'a str, &'a Progress> {
    fn from(view: &'a JobView) -> Self {
        let failure = view.failure.as_ref();
        Self(
            view.job,
            view.attempt,
            view.state,
            &view.kind,
            &view.title,
            &view.created_by,
            view.created_at,
            view.run_at,
            view.started_at,
            view.ended_at,
            view.cancel_requested_at,
            view.cancel_requested_by.as_deref(),
            u8::from(view.not_responding),
            view.max_attempts,
            view.rerun_of,
            failure.map(|failure| failure.code.as_str()),
            failure.map(|failure| failure.message.as_str()),
            Some(&view.progress).filter(|progress| **progress != Progress::default()),
            view.pause_requested_at,
            view.earlier_work,
            view.cancel_requested_by_name.as_deref(),
            view.reported_from.as_deref(),
            view.no_contact_since,
        )
    }
}

/// A state event as it is stored: without names, a third of its size on the wire. The view, its place in the queue, the
/// code, and the counts in the order of [`JobState::ALL`].
#[derive(Deserialize, Serialize)]
pub(super) struct StateRow<Text = String, Reported = Progress>(
    ViewRow<Text, Reported>,
    Option<u32>,
    Option<Text>,
    Option<[u64; JobState::ALL.len()]>,
);

impl<'a> From<&'a StateEvent> for StateRow<&'a str, &'a Progress> {
    fn from(event: &'a StateEvent) -> Self {
        let counts = event.counts.map(|counts| JobState::ALL.map(|state| counts.of(state)));
        Self((&event.view).into(), event.view.position, event.code.as_deref(), counts)
    }
}

impl From<StateRow> for StateEvent {
    fn from(StateRow(view, position, code, counts): StateRow) -> Self {
        let counts = counts.map(|counts| {
            let mut all = Counts::default();
            for (state, count) in JobState::ALL.into_iter().zip(counts) {
                *count_mut(&mut all, state) = count;
            }
            all
        });
        Self { view: JobView { position, ..view.into() }, code, counts }
    }
}

/// The events after one, in order, with the lines of logs: the columns of an [`EventRow`].
pub(super) const EVENTS_AFTER: &str =
    "select event.seq, event.job, event.type, event.body, event.first_line, log.attempt, log.lines
    from event left join log on log.job = event.job and log.first_line = event.first_line
    where event.seq > ? order by event.seq limit ?";

/// A row of [`EVENTS_AFTER`].
pub(super) struct EventRow<'r> {
    pub(super) seq: i64,
    pub(super) job: Option<i64>,
    pub(super) name: &'r str,
    pub(super) body: Option<&'r str>,
    pub(super) first_line: Option<i64>,
    pub(super) attempt: Option<u32>,
    pub(super) lines: Option<&'r str>,
}

impl EventRow<'_> {
    /// The event. The lines of a deleted job's log may be missing.
    pub(super) fn event(self) -> Result<DurableEvent> {
        let job = self.job.map(JobId);
        let body = self.body.unwrap_or_default();
        let event = match (job, self.name) {
            (Some(job), "log") => StreamEvent::Log(LogEvent {
                job,
                attempt: self.attempt.unwrap_or_default(),
                first_line: self.first_line.unwrap_or_default() as u64,
                lines: self.lines.map(lines).transpose()?.unwrap_or_default(),
            }),
            (_, "state") => {
                let state: StateRow = parse("an event", body)?;
                StreamEvent::State(Box::new(state.into()))
            }
            (_, name) => StreamEvent::from_json(name, body)
                .ok_or_else(|| corrupt("an event's type", name))?
                .map_err(|error| corrupt("an event", error))?,
        };
        Ok(DurableEvent { seq: Seq(self.seq), job, event })
    }
}

/// A line in a chunk of a log. A line without colours has three elements, as all lines of early builds have.
#[derive(Serialize, Deserialize)]
struct LineRow<'l>(
    Micros,
    u8,
    Cow<'l, str>,
    #[serde(default, skip_serializing_if = "AnsiStyles::is_plain")] AnsiStyles,
);

/// A chunk of a log as it is stored.
pub(super) fn chunk_json(lines: &[LogLine]) -> Result<String> {
    let rows = lines.iter().map(|LogLine { at, level, text, styles }| {
        LineRow(*at, level_number(*level), Cow::Borrowed(text), styles.clone())
    });
    json(&rows.collect::<Vec<_>>())
}

impl LineRow<'_> {
    fn line(self) -> Result<LogLine> {
        let Self(at, level, text, styles) = self;
        Ok(LogLine { at, level: level_of(level)?, text: text.into_owned(), styles })
    }
}

/// The lines of a chunk of a log.
pub(super) fn lines(json: &str) -> Result<Vec<LogLine>> {
    let lines: Vec<LineRow<'_>> = parse("a log", json)?;
    lines.into_iter().map(LineRow::line).collect()
}

/// The lines of several chunks, `[[first line, chunk], …]`, with their numbers.
pub(super) fn numbered_lines(json: &str) -> Result<Vec<(u64, LogLine)>> {
    let chunks: Vec<(u64, Vec<LineRow<'_>>)> = parse("a log", json)?;
    let numbered = chunks.into_iter().flat_map(|(first, lines)| (first..).zip(lines));
    numbered.map(|(number, line)| Ok((number, line.line()?))).collect()
}

fn level_of(number: u8) -> Result<Level> {
    Level::ALL.into_iter().find(|level| level_number(*level) == number).ok_or_else(|| corrupt("a log level", number))
}

/// Reads the value of [`view_column`].
pub(super) fn view(json: &str) -> Result<JobView> {
    parse::<ViewRow>("a job", json).map(JobView::from)
}

/// Reads JSON that this store wrote or made.
pub(super) fn parse<T: DeserializeOwned>(what: &str, json: &str) -> Result<T> {
    serde_json::from_str(json).map_err(|error| corrupt(what, error))
}

/// A state from its word.
pub(super) fn state(word: &str) -> Result<JobState> {
    JobState::from_word(word).ok_or_else(|| corrupt("a job's state", word))
}

/// A priority from its column.
pub(super) fn priority(level: i64) -> Result<Priority> {
    Priority::new(level).ok_or_else(|| corrupt("a job's priority", level))
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

/// A value as JSON, for a statement over `json_each`.
pub(super) fn json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| corrupt("a value for the database", error))
}
