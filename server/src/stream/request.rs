//! Requests of event streams and long polls: parses topics, position and encoding.

use std::time::Duration;

use engine::store::Topics;
use http::{HeaderMap, header};
use model::{Cursor, JobId};
use serde::Deserialize;

use super::{encoding::Encoding, response::Rejection};

/// The most jobs that one stream may show with their logs, and as many as rows.
const MAX_JOBS: usize = 500;
/// The longest wait of a poll, seconds. Proxies usually time out after 60.
const MAX_WAIT: u64 = 30;

/// The query; keys may repeat.
pub(super) type Pairs = Vec<(String, String)>;

/// A request for a stream or a poll.
#[derive(Debug)]
pub(super) struct StreamRequest {
    pub(super) encoding: Encoding,
    pub(super) topics: Topics,
    /// The last event that the client has.
    pub(super) after: Option<Cursor>,
    /// Whether it ends once the jobs it names have ended.
    pub(super) until_end: bool,
    /// How long a poll waits for a first event.
    pub(super) wait: Duration,
}

/// Parses the request for a stream. `Last-Event-ID` takes precedence over `after`, because a browser that reconnects by
/// itself repeats its first query.
pub(super) fn parse_stream(pairs: &Pairs, headers: &HeaderMap) -> Result<StreamRequest, Rejection> {
    if pairs.iter().any(|(key, _)| key == "wait") {
        return Err(Rejection::malformed(
            "wait",
            "A stream does not end by itself; only a poll has a `wait`".to_owned(),
        ));
    }
    let request = parse_poll(pairs, headers)?;
    Ok(StreamRequest { encoding: accepted(headers), ..request })
}

/// Parses the request for a poll, which is always NDJSON.
pub(super) fn parse_poll(pairs: &Pairs, headers: &HeaderMap) -> Result<StreamRequest, Rejection> {
    let mut request = StreamRequest {
        encoding: Encoding::Ndjson,
        topics: Topics::default(),
        after: None,
        until_end: false,
        wait: Duration::ZERO,
    };
    for (key, value) in pairs {
        match key.as_str() {
            "topic" => set_topic(&mut request.topics, value, true)?,
            "job" | "row" => set_topic(&mut request.topics, &format!("{key}={value}"), true)?,
            "after" => request.after = parse_cursor(value)?,
            "until" if value == "end" => request.until_end = true,
            "until" => return Err(Rejection::malformed("until", "`until` can only be `end`".to_owned())),
            "wait" => request.wait = parse_wait(value)?,
            other => {
                let known = "topic, job, row, after, until and, in a poll, wait";
                return Err(Rejection::malformed(other, format!("There is no parameter `{other}`; there are {known}")));
            }
        }
    }
    if let Some(id) = headers.get("last-event-id") {
        let id = id.to_str().map_err(|_| malformed_cursor("Last-Event-ID"))?;
        request.after = parse_cursor(id)?;
    }
    check_count(&request.topics)?;
    if request.until_end && request.topics.job.is_empty() && request.topics.row.is_empty() {
        return Err(Rejection::malformed(
            "until",
            "`until=end` needs a job whose end it means: add `job=N`".to_owned(),
        ));
    }
    Ok(request)
}

/// Returns the encoding that `Accept` names first, or SSE.
fn accepted(headers: &HeaderMap) -> Encoding {
    let lists = headers.get_all(header::ACCEPT).iter().filter_map(|list| list.to_str().ok());
    let types = lists.flat_map(|list| list.split(',')).map(|kind| kind.split(';').next().unwrap_or_default().trim());
    let mut encodings = types.filter_map(|kind| match () {
        () if kind.eq_ignore_ascii_case("application/x-ndjson") => Some(Encoding::Ndjson),
        () if kind.eq_ignore_ascii_case("text/event-stream") => Some(Encoding::Sse),
        () => None,
    });
    encodings.next().unwrap_or_default()
}

fn parse_wait(text: &str) -> Result<Duration, Rejection> {
    let seconds = text.parse().ok().filter(|seconds| *seconds <= MAX_WAIT);
    let message = || format!("`wait` is a number of seconds from 0 to {MAX_WAIT}");
    seconds.map(Duration::from_secs).ok_or_else(|| Rejection::malformed("wait", message()))
}

/// A change of the topics of an open stream.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct TopicChange {
    add: Vec<String>,
    remove: Vec<String>,
}

impl TopicChange {
    pub(super) fn parse(body: &[u8]) -> Result<Self, Rejection> {
        let change: Self = serde_json::from_slice(body).map_err(|error| {
            let example = r#"{"add": ["job=12"], "remove": ["row=12"]}"#;
            Rejection::malformed("", format!("The body must be JSON such as {example}: {error}"))
        })?;
        change.added()?;
        change.apply(&mut Topics::default())?;
        Ok(change)
    }

    /// Returns the added topics.
    pub(super) fn added(&self) -> Result<Topics, Rejection> {
        let mut topics = Topics::default();
        self.add.iter().try_for_each(|topic| set_topic(&mut topics, topic, true))?;
        check_count(&topics)?;
        Ok(topics)
    }

    /// Keeps of the added jobs those in `visible`.
    pub(super) fn retain_visible(&mut self, visible: &Topics) {
        self.add.retain(|topic| {
            let mut one = Topics::default();
            set_topic(&mut one, topic, true).is_ok()
                && one.job.is_subset(&visible.job)
                && one.row.is_subset(&visible.row)
        });
    }

    /// Changes `topics`, or leaves them as they are if there would be too many.
    pub(super) fn apply(&self, topics: &mut Topics) -> Result<(), Rejection> {
        let mut changed = topics.clone();
        self.remove.iter().try_for_each(|topic| set_topic(&mut changed, topic, false))?;
        self.add.iter().try_for_each(|topic| set_topic(&mut changed, topic, true))?;
        check_count(&changed)?;
        *topics = changed;
        Ok(())
    }
}

/// Adds or removes one topic.
fn set_topic(topics: &mut Topics, topic: &str, on: bool) -> Result<(), Rejection> {
    let jobs = match topic.split_once('=') {
        None => {
            let flag = match topic {
                "jobs" => &mut topics.jobs,
                "overview" => &mut topics.overview,
                "messages" => &mut topics.messages,
                _ => return Err(unknown_topic(topic)),
            };
            *flag = on;
            return Ok(());
        }
        Some(("job", _)) => &mut topics.job,
        Some(("row", _)) => &mut topics.row,
        Some(_) => return Err(unknown_topic(topic)),
    };
    let number = topic.split_once('=').map_or("", |(_, number)| number);
    let job: JobId = number.parse().map_err(|_| {
        Rejection::malformed(
            &topic[..3],
            format!("`{topic}` must name a job by its number, such as `{}=12`", &topic[..3]),
        )
    })?;
    if on {
        jobs.insert(job);
    } else {
        jobs.remove(&job);
    }
    Ok(())
}

fn unknown_topic(topic: &str) -> Rejection {
    let known = "jobs, overview, messages, and of single jobs job=N and row=N";
    Rejection::malformed("topic", format!("There is no topic `{topic}`; there are {known}"))
}

fn check_count(topics: &Topics) -> Result<(), Rejection> {
    for (field, jobs) in [("job", &topics.job), ("row", &topics.row)] {
        if jobs.len() > MAX_JOBS {
            let message =
                format!("One stream shows at most {MAX_JOBS} jobs by `{field}`; this would be {}", jobs.len());
            return Err(Rejection::malformed(field, message));
        }
    }
    Ok(())
}

/// A browser sends the empty text before its first event.
fn parse_cursor(text: &str) -> Result<Option<Cursor>, Rejection> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| malformed_cursor("after"))
}

fn malformed_cursor(field: &str) -> Rejection {
    let message = "This is not a position in the event stream. Leave it out to begin with what is there now";
    Rejection::malformed(field, message.to_owned())
}
