//! The client: runs a program and reports it to a Milepost server, without changing anything about the program.
//!
//! The program is started before any network call, and its output is forwarded before it is parsed. Everything that is
//! reported is written to the spool first ([`journal`](self)), numbered, and sent in batches by a thread of its own. The
//! spool keeps it until the server has it on disk; what a client leaves behind is delivered by a later one.

mod api;
mod clock;
mod command;
mod config;
mod doctor;
mod error;
mod ids;
mod journal;
mod log_thinner;
mod login;
mod mask;
mod message;
mod queue;
mod report;
mod run;
mod spool;
mod token;
mod units;

pub use command::{COMMANDS, main};
pub use error::ClientError;

/// The name and version that the server sees.
pub(crate) const AGENT: &str = concat!("milepost-client/", env!("CARGO_PKG_VERSION"));
