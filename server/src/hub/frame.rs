//! An event as it goes over the wire. Written at most once in each form, whoever reads it; not at all if nobody does.
//!
//! Formats: WHATWG HTML, 9.2.5 and 9.2.6, "Server-sent events"; and a JSON object on each line (NDJSON).

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use engine::DurableEvent;
use model::{Cursor, JobView, ProgressEvent, Snapshot, StreamEvent};
use serde::Serialize;

/// How a stream is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Form {
    /// As browsers read it: `text/event-stream`.
    #[default]
    Sse,
    /// As programs do: `application/x-ndjson`, with the same names, ids and data.
    Lines,
}

/// One event, shared by all outboxes that it lies in.
pub(crate) struct Frame {
    pub(crate) event: Event,
    sse: OnceLock<Bytes>,
    line: OnceLock<Bytes>,
}

/// What a frame tells.
pub(crate) enum Event {
    /// Has its place in the order of all durable events.
    Durable(Arc<DurableEvent>),
    /// Only the newest matters.
    Progress(Arc<ProgressEvent>),
}

impl Frame {
    pub(crate) fn durable(event: Arc<DurableEvent>) -> Self {
        Self { event: Event::Durable(event), sse: OnceLock::new(), line: OnceLock::new() }
    }

    pub(crate) fn progress(event: Arc<ProgressEvent>) -> Self {
        Self { event: Event::Progress(event), sse: OnceLock::new(), line: OnceLock::new() }
    }

    /// Whether this progress is newer than what `view` shows, and `view` not over.
    pub(crate) fn is_ahead_of(&self, view: &JobView) -> bool {
        match &self.event {
            Event::Progress(event) => {
                self.may_follow(view) && (event.attempt, event.progress.rev) > (view.attempt, view.progress.rev)
            }
            Event::Durable(_) => true,
        }
    }

    /// Whether this progress may be shown after `view`: nothing may that belongs to an attempt that is over.
    pub(crate) fn may_follow(&self, view: &JobView) -> bool {
        match &self.event {
            Event::Progress(event) if view.state.is_terminal() => event.attempt > view.attempt,
            Event::Progress(event) => event.attempt >= view.attempt,
            Event::Durable(_) => true,
        }
    }

    /// The frame's bytes; `epoch` is that of the log.
    pub(crate) fn bytes(&self, form: Form, epoch: &str) -> &Bytes {
        let written = match form {
            Form::Sse => &self.sse,
            Form::Lines => &self.line,
        };
        written.get_or_init(|| match &self.event {
            Event::Durable(event) => {
                let cursor = Cursor { epoch: epoch.to_owned(), seq: event.seq };
                encode(form, &event.event, Some(&cursor))
            }
            Event::Progress(event) => write(form, "progress", None, &json(event.as_ref())),
        })
    }
}

/// The bytes of an event that goes to one stream only.
pub(crate) fn encode(form: Form, event: &StreamEvent, cursor: Option<&Cursor>) -> Bytes {
    write(form, event.name(), cursor, &event.to_json().expect(JSON))
}

/// The bytes of a snapshot; without `cursor` where it is a partial one.
pub(crate) fn encode_snapshot(form: Form, snapshot: &Snapshot, cursor: Option<&Cursor>) -> Bytes {
    write(form, "snapshot", cursor, &json(snapshot))
}

/// Why writing JSON cannot fail.
const JSON: &str = "wire types have text as keys and no serializer of their own";

fn json(data: &impl Serialize) -> String {
    serde_json::to_string(data).expect(JSON)
}

/// `data` is JSON, whose text holds no line break; a cursor and a name hold none either, and no quotation mark.
fn write(form: Form, name: &str, cursor: Option<&Cursor>, data: &str) -> Bytes {
    let id = cursor.map(Cursor::to_string);
    debug_assert!([name, id.as_deref().unwrap_or_default(), data].iter().all(|part| is_one_line(part)));
    let [start, before_id, before_data, end] = match form {
        Form::Sse => ["event: ", "\nid: ", "\ndata: ", "\n\n"],
        Form::Lines => [r#"{"event":""#, r#"","id":""#, r#"","data":"#, "}\n"],
    };
    let mut text = String::with_capacity(data.len() + 64);
    text.push_str(start);
    text.push_str(name);
    if let Some(id) = id {
        text.push_str(before_id);
        text.push_str(&id);
    }
    text.push_str(before_data);
    text.push_str(data);
    text.push_str(end);
    text.into()
}

/// What ends a line in either form, and what a browser takes no id with.
fn is_one_line(part: &str) -> bool {
    !part.contains(['\r', '\n', '\0'])
}
