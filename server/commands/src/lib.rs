//! Tasks that are programs of the operator's.
//!
//! A table `[command.NAME]` of the configuration declares one ([`Command::from_toml`]): its arguments, the form of its
//! parameters, its limits. A job of it is a process group of its own, whose output becomes the log and the progress of the job
//! ([`output_parser`]), and of which nothing is left when the job is over. What may be written in the table stands in
//! `docs/commands.md`.

mod ending;
mod filling;
mod output;
mod parameters;
mod running;
mod table;
mod task;
mod template;
mod terminal;
mod watching;

pub use table::Problem;
pub use task::Command;

use engine::Builder;

/// Adds commands to an engine.
///
/// # Errors
/// `engine::Error::Unusable` where another task has the name of one.
pub fn register(mut builder: Builder, commands: &[Command]) -> engine::Result<Builder> {
    for command in commands {
        builder = builder.register_declared(command.declared(), command.clone())?;
    }
    Ok(builder)
}
