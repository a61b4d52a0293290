//! Encoding of events for the wire. A frame is encoded at most once in each encoding, however many streams send it, and
//! only if one does.
//!
//! Formats: server-sent events (WHATWG HTML, 9.2.5 and 9.2.6), and one JSON object a line (NDJSON).

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use engine::DurableEvent;
use model::{Cursor, JobView, ProgressEvent, Snapshot, StreamEvent};
use serde::Serialize;

/// The format of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Encoding {
    /// `text/event-stream`, for browsers.
    #[default]
    Sse,
    /// `application/x-ndjson`, for programs; with the same names, ids and data.
    Ndjson,
}

/// One event, shared by all outboxes that hold it.
pub(super) struct Frame {
    pub(super) payload: Payload,
    sse: OnceLock<Bytes>,
    ndjson: OnceLock<Bytes>,
}

pub(super) enum Payload {
    /// Has a position in the order of all durable events.
    Durable(Arc<DurableEvent>),
    /// Only the newest of a job is sent.
    Progress(Arc<ProgressEvent>),
}

impl Frame {
    pub(super) fn durable(event: Arc<DurableEvent>) -> Self {
        Self::new(Payload::Durable(event))
    }

    pub(super) fn progress(event: Arc<ProgressEvent>) -> Self {
        Self::new(Payload::Progress(event))
    }

    const fn new(payload: Payload) -> Self {
        Self { payload, sse: OnceLock::new(), ndjson: OnceLock::new() }
    }

    /// Returns whether this progress is newer than that of `view`. Always true for durable events.
    pub(super) fn is_ahead_of(&self, view: &JobView) -> bool {
        match &self.payload {
            Payload::Progress(event) => {
                self.may_follow(view) && (event.attempt, event.progress.rev) > (view.attempt, view.progress.rev)
            }
            Payload::Durable(_) => true,
        }
    }

    /// Returns whether this progress may be shown after `view`: progress of an attempt that ended may not.
    pub(super) fn may_follow(&self, view: &JobView) -> bool {
        match &self.payload {
            Payload::Progress(event) if view.state.is_terminal() => event.attempt > view.attempt,
            Payload::Progress(event) => event.attempt >= view.attempt,
            Payload::Durable(_) => true,
        }
    }

    /// Returns whether a later snapshot shows what this event changed. None shows messages, paused queues and schedules.
    pub(super) fn is_in_snapshots(&self) -> bool {
        match &self.payload {
            Payload::Durable(event) => !matches!(
                event.event,
                StreamEvent::Message(_) | StreamEvent::QueueControl(_) | StreamEvent::Schedule(_)
            ),
            Payload::Progress(_) => true,
        }
    }

    /// Returns the encoded frame; `epoch` is the one of the log.
    pub(super) fn bytes(&self, encoding: Encoding, epoch: &str) -> &Bytes {
        let encoded = match encoding {
            Encoding::Sse => &self.sse,
            Encoding::Ndjson => &self.ndjson,
        };
        encoded.get_or_init(|| match &self.payload {
            Payload::Durable(event) => {
                let cursor = Cursor { epoch: epoch.to_owned(), seq: event.seq };
                encode(encoding, &event.event, Some(&cursor))
            }
            Payload::Progress(event) => write(encoding, "progress", None, &json(event.as_ref())),
        })
    }
}

/// Encodes an event that only one stream sends.
pub(super) fn encode(encoding: Encoding, event: &StreamEvent, cursor: Option<&Cursor>) -> Bytes {
    write(encoding, event.name(), cursor, &event.to_json().expect(JSON))
}

/// Encodes a snapshot. A partial snapshot has no `cursor`.
pub(super) fn encode_snapshot(encoding: Encoding, snapshot: &Snapshot, cursor: Option<&Cursor>) -> Bytes {
    write(encoding, "snapshot", cursor, &json(snapshot))
}

/// Why writing JSON cannot fail.
const JSON: &str = "wire types have text as keys and no serializer of their own";

fn json(data: &impl Serialize) -> String {
    serde_json::to_string(data).expect(JSON)
}

/// `data` is JSON, whose text has no line break. A cursor and a name have none either, and no quotation mark.
fn write(encoding: Encoding, name: &str, cursor: Option<&Cursor>, data: &str) -> Bytes {
    let id = cursor.map(Cursor::to_string);
    debug_assert!([name, id.as_deref().unwrap_or_default(), data].iter().all(|part| is_one_line(part)));
    let [start, before_id, before_data, end] = match encoding {
        Encoding::Sse => ["event: ", "\nid: ", "\ndata: ", "\n\n"],
        Encoding::Ndjson => [r#"{"event":""#, r#"","id":""#, r#"","data":"#, "}\n"],
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

/// No line break of either encoding, and no NUL, with which browsers ignore an id.
fn is_one_line(part: &str) -> bool {
    !part.contains(['\r', '\n', '\0'])
}
