//! Decoding of stream events, with the types that the server encodes.

use leptos::serde_json::from_str;
use model::StreamEvent;

/// Decodes an event by its name. `None` if it is invalid, or of no use to a page.
pub(super) fn event(name: &str, data: &str) -> Option<StreamEvent> {
    Some(match name {
        "hello" => StreamEvent::Hello(from_str(data).ok()?),
        "snapshot" => StreamEvent::Snapshot(from_str(data).ok()?),
        "progress" => StreamEvent::Progress(from_str(data).ok()?),
        "state" => StreamEvent::State(from_str(data).ok()?),
        "log" => StreamEvent::Log(from_str(data).ok()?),
        "gate" => StreamEvent::QueueControl(from_str(data).ok()?),
        "schedule" => StreamEvent::Schedule(from_str(data).ok()?),
        "message" => StreamEvent::Message(from_str(data).ok()?),
        "heartbeat" => StreamEvent::Heartbeat(from_str(data).ok()?),
        _ => return None,
    })
}
