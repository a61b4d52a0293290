//! Authentication service, on the SQLite store.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod account_cache;
mod display_names;
mod links;
mod sign_in;
mod support;
mod tokens;
mod users;
