//! The event stream: what it delivers, in which order, and what happens when either end is slow, late or gone.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod change_topics;
mod connect;
mod encoding;
mod engine;
mod handover;
mod lifetime;
mod limits;
mod long_poll;
mod lost_peers;
mod messages;
mod ndjson;
mod network_faults;
mod progress;
mod reconnect_storm;
mod schedules;
mod slow_readers;
mod support;
