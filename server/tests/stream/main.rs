//! The event stream: what is delivered, in which order, and what happens when either end is slow, late or gone.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod beginning;
mod changing;
mod ending;
mod engine;
mod ledger;
mod lines;
mod moving;
mod polling;
mod reader;
mod slow;
