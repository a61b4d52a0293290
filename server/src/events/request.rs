//! What a client asks of the stream, as text and as meaning.

use std::time::Duration;

use engine::store::Topics;
use http::{HeaderMap, header};
use model::{Cursor, JobId};
use serde::Deserialize;

use super::answer::Refusal;
use crate::hub::Form;

/// Jobs that one stream may show with their logs, and as many as rows.
const MOST_JOBS: usize = 500;
/// The longest that a poll waits, seconds: what stands between mostly gives an answer up after 60.
const LONGEST_WAIT: u64 = 30;

/// The query as it came; keys repeat.
pub(super) type Pairs = Vec<(String, String)>;

/// A stream or a poll that is asked for.
#[derive(Debug)]
pub(super) struct StreamRequest {
    /// How it is written.
    pub(super) form: Form,
    /// What it shows.
    pub(super) topics: Topics,
    /// The last event the client knows of.
    pub(super) after: Option<Cursor>,
    /// Whether it ends with the jobs it names.
    pub(super) until_end: bool,
    /// How long a poll waits where there is nothing to tell.
    pub(super) wait: Duration,
}

/// A stream: a query and `Last-Event-ID`, which wins over `after`, because a browser that reconnects by itself repeats
/// the query it was given at first.
pub(super) fn stream(pairs: &Pairs, headers: &HeaderMap) -> Result<StreamRequest, Refusal> {
    if pairs.iter().any(|(key, _)| key == "wait") {
        return Err(Refusal::malformed("wait", "A stream does not end by itself; only a poll has a `wait`".to_owned()));
    }
    let request = poll(pairs, headers)?;
    Ok(StreamRequest { form: accepted(headers), ..request })
}

/// The same of a poll, which is always lines.
pub(super) fn poll(pairs: &Pairs, headers: &HeaderMap) -> Result<StreamRequest, Refusal> {
    let mut request = StreamRequest {
        form: Form::Lines,
        topics: Topics::default(),
        after: None,
        until_end: false,
        wait: Duration::ZERO,
    };
    for (key, value) in pairs {
        match key.as_str() {
            "topic" => set(&mut request.topics, value, true)?,
            "job" | "row" => set(&mut request.topics, &format!("{key}={value}"), true)?,
            "after" => request.after = cursor(value)?,
            "until" if value == "end" => request.until_end = true,
            "until" => return Err(Refusal::malformed("until", "`until` can only be `end`".to_owned())),
            "wait" => request.wait = seconds(value)?,
            other => {
                let known = "topic, job, row, after, until and, in a poll, wait";
                return Err(Refusal::malformed(other, format!("There is no parameter `{other}`; there are {known}")));
            }
        }
    }
    if let Some(id) = headers.get("last-event-id") {
        let id = id.to_str().map_err(|_| malformed_cursor("Last-Event-ID"))?;
        request.after = cursor(id)?;
    }
    check(&request.topics)?;
    if request.until_end && request.topics.job.is_empty() && request.topics.row.is_empty() {
        return Err(Refusal::malformed("until", "`until=end` needs a job whose end it means: add `job=N`".to_owned()));
    }
    Ok(request)
}

/// How the client wants to read it: as what it names first of the two, else as browsers do.
fn accepted(headers: &HeaderMap) -> Form {
    let lists = headers.get_all(header::ACCEPT).iter().filter_map(|list| list.to_str().ok());
    let kinds = lists.flat_map(|list| list.split(',')).map(|kind| kind.split(';').next().unwrap_or_default().trim());
    let mut forms = kinds.filter_map(|kind| match () {
        () if kind.eq_ignore_ascii_case("application/x-ndjson") => Some(Form::Lines),
        () if kind.eq_ignore_ascii_case("text/event-stream") => Some(Form::Sse),
        () => None,
    });
    forms.next().unwrap_or_default()
}

fn seconds(text: &str) -> Result<Duration, Refusal> {
    let seconds = text.parse().ok().filter(|seconds| *seconds <= LONGEST_WAIT);
    let message = || format!("`wait` is a number of seconds from 0 to {LONGEST_WAIT}");
    seconds.map(Duration::from_secs).ok_or_else(|| Refusal::malformed("wait", message()))
}

/// How the topics of an open stream change.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Change {
    /// To be shown from now on.
    add: Vec<String>,
    /// No longer to be shown.
    remove: Vec<String>,
}

impl Change {
    pub(super) fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let change: Self = serde_json::from_slice(body).map_err(|error| {
            let form = r#"{"add": ["job=12"], "remove": ["row=12"]}"#;
            Refusal::malformed("", format!("The body must be JSON such as {form}: {error}"))
        })?;
        change.added()?;
        change.apply(&mut Topics::default())?;
        Ok(change)
    }

    /// What is added, by itself.
    pub(super) fn added(&self) -> Result<Topics, Refusal> {
        let mut topics = Topics::default();
        self.add.iter().try_for_each(|word| set(&mut topics, word, true))?;
        check(&topics)?;
        Ok(topics)
    }

    /// Leaves of what is added what is in `seen`.
    pub(super) fn keep(&mut self, seen: &Topics) {
        self.add.retain(|word| {
            let mut one = Topics::default();
            set(&mut one, word, true).is_ok() && one.job.is_subset(&seen.job) && one.row.is_subset(&seen.row)
        });
    }

    /// Changes `topics`, or leaves them as they are where that would be too many.
    pub(super) fn apply(&self, topics: &mut Topics) -> Result<(), Refusal> {
        let mut changed = topics.clone();
        self.remove.iter().try_for_each(|word| set(&mut changed, word, false))?;
        self.add.iter().try_for_each(|word| set(&mut changed, word, true))?;
        check(&changed)?;
        *topics = changed;
        Ok(())
    }
}

/// Switches one topic on or off.
fn set(topics: &mut Topics, word: &str, on: bool) -> Result<(), Refusal> {
    let jobs = match word.split_once('=') {
        None => {
            let flag = match word {
                "jobs" => &mut topics.jobs,
                "overview" => &mut topics.overview,
                "messages" => &mut topics.messages,
                _ => return Err(unknown_topic(word)),
            };
            *flag = on;
            return Ok(());
        }
        Some(("job", _)) => &mut topics.job,
        Some(("row", _)) => &mut topics.row,
        Some(_) => return Err(unknown_topic(word)),
    };
    let number = word.split_once('=').map_or("", |(_, number)| number);
    let job: JobId = number.parse().map_err(|_| {
        Refusal::malformed(&word[..3], format!("`{word}` must name a job by its number, such as `{}=12`", &word[..3]))
    })?;
    if on {
        jobs.insert(job);
    } else {
        jobs.remove(&job);
    }
    Ok(())
}

fn unknown_topic(word: &str) -> Refusal {
    let known = "jobs, overview, messages, and of single jobs job=N and row=N";
    Refusal::malformed("topic", format!("There is no topic `{word}`; there are {known}"))
}

fn check(topics: &Topics) -> Result<(), Refusal> {
    for (field, jobs) in [("job", &topics.job), ("row", &topics.row)] {
        if jobs.len() > MOST_JOBS {
            let message =
                format!("One stream shows at most {MOST_JOBS} jobs by `{field}`; this would be {}", jobs.len());
            return Err(Refusal::malformed(field, message));
        }
    }
    Ok(())
}

/// The empty text is what a browser has before its first event.
fn cursor(text: &str) -> Result<Option<Cursor>, Refusal> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| malformed_cursor("after"))
}

fn malformed_cursor(field: &str) -> Refusal {
    let message = "This is not a position in the event stream. Leave it out to begin with what is there now";
    Refusal::malformed(field, message.to_owned())
}
