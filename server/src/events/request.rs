//! What a client asks of the stream, as text and as meaning.

use engine::store::Topics;
use http::HeaderMap;
use model::{Cursor, JobId};
use serde::Deserialize;

use super::answer::Refusal;

/// Jobs that one stream may show with their logs, and as many as rows.
const MOST_JOBS: usize = 500;

/// The query as it came; keys repeat.
pub(super) type Pairs = Vec<(String, String)>;

/// A stream that is asked for.
#[derive(Debug)]
pub(super) struct StreamRequest {
    /// What it shows.
    pub(super) topics: Topics,
    /// The last event the client knows of.
    pub(super) after: Option<Cursor>,
    /// Whether it ends with the jobs it names.
    pub(super) until_end: bool,
}

/// Reads a query and `Last-Event-ID`, which wins over `after`: a browser that reconnects by itself repeats the query
/// it was given at first.
pub(super) fn parse(pairs: &Pairs, headers: &HeaderMap) -> Result<StreamRequest, Refusal> {
    let mut request = StreamRequest { topics: Topics::default(), after: None, until_end: false };
    for (key, value) in pairs {
        match key.as_str() {
            "topic" => set(&mut request.topics, value, true)?,
            "job" | "row" => set(&mut request.topics, &format!("{key}={value}"), true)?,
            "after" => request.after = cursor(value)?,
            "until" if value == "end" => request.until_end = true,
            "until" => return Err(Refusal::malformed("until", "`until` can only be `end`".to_owned())),
            other => {
                let known = "topic, job, row, after and until";
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
