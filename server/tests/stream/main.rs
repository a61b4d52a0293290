//! The event stream: what is delivered, in which order, and what happens when either end is slow, late or gone.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod beginning;
mod changing;
mod dead;
mod ending;
mod engine;
mod faults;
mod handover;
mod ledger;
mod lines;
mod messages;
mod moving;
mod places;
mod polling;
mod proxy;
mod reader;
mod slow;
mod sse;
mod stampede;
mod wire;
