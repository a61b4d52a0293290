//! External commands: programs that run as tasks.
//!
//! A table `[command.NAME]` of the configuration declares a command ([`Command::from_toml`]): its arguments, the form
//! of its parameters, its limits. Each job runs in a process group of its own. Its output becomes log and progress of
//! the job ([`output_parser`]), and all its processes are killed when the job ends. `docs/commands.md` documents the
//! table.

mod arguments;
mod exit_status;
mod limits;
mod output;
mod parameters;
mod process;
mod table;
mod task;
mod template;
mod terminal;

pub use table::Problem;
pub use task::Command;

use engine::Builder;

/// Registers commands with an engine.
///
/// # Errors
/// `engine::Error::Unusable` if another task has the same kind.
pub fn register(mut builder: Builder, commands: &[Command]) -> engine::Result<Builder> {
    for command in commands {
        builder = builder.register_declared(command.declared(), command.clone())?;
    }
    Ok(builder)
}
