//! Tests of the client from outside: real processes, and a server that keeps the rules of the protocol.

mod cancel;
mod commands;
mod outage;
mod passing;
mod process;
mod protocol;
mod secrets;
mod server;
mod spool;
