//! What the gatekeeper promises, on the real store.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod known;
mod links;
mod people;
mod signing_in;
mod support;
mod tokens;
