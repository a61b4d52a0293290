//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::{
    Result, assets,
    config::{Config, Settings, WorkConfig, WorkSettings},
};

/// Start long tasks from a web page, watch them move, stop them, find them again.
#[derive(Parser, Debug)]
#[command(name = "milepost", version = assets::version(), args_conflicts_with_subcommands = true, mut_args = |arg| arg.hide_env_values(true))]
#[command(
    after_help = "Without a command, milepost serves. Flags win over variables, variables over the file, and the \
                  file over the defaults. The file's keys are the long names with _ for -; `root` and \
                  `trusted_proxy` are lists there."
)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Serve,
}

/// What the program can do.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Serve the web pages and run the jobs (the default)
    Serve(Serve),
    /// Run jobs beside a server, on the same data directory; any number of workers may
    Worker(Worker),
}

/// The settings of `serve`.
#[derive(Args, Debug)]
pub struct Serve {
    /// Read settings from this TOML file
    #[arg(long, env = "MILEPOST_CONFIG", value_name = "FILE", help_heading = "Server")]
    config: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
}

/// The settings of `worker`.
#[derive(Args, Debug)]
pub struct Worker {
    /// Read settings from this TOML file; those of a server are passed over
    #[arg(long, env = "MILEPOST_CONFIG", value_name = "FILE", help_heading = "Data")]
    config: Option<PathBuf>,
    #[command(flatten)]
    settings: WorkSettings,
}

impl Cli {
    /// The command given, or `serve`.
    pub fn command(self) -> Command {
        self.command.unwrap_or(Command::Serve(self.serve))
    }
}

impl Serve {
    /// Flags and environment over the file over the defaults.
    pub fn config(self) -> Result<Config> {
        Config::new(self.settings.or_environment().over(file(self.config)?))
    }
}

impl Worker {
    /// The same.
    pub fn config(self) -> Result<WorkConfig> {
        WorkConfig::working(self.settings.or_environment().over(file(self.config)?.into_work()))
    }
}

/// What the file says, where there is one.
fn file(path: Option<PathBuf>) -> Result<Settings> {
    path.as_deref().map(Settings::from_file).transpose().map(Option::unwrap_or_default)
}
