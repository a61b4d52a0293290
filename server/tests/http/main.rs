//! The program from outside: the built binary, real sockets, real signals.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod attacks;
mod auth;
mod forms;
mod jobs;
mod network;
mod process;
mod support;
