//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::{
    Result, assets,
    config::{Config, Settings},
};

/// Start long tasks from a web page, watch them move, stop them, find them again.
#[derive(Parser, Debug)]
#[command(name = "milepost", version = assets::version(), args_conflicts_with_subcommands = true, mut_args = |arg| arg.hide_env_values(true))]
#[command(
    after_help = "Without a command, milepost serves. Flags win over variables, variables over the file, and the \
                  file over the defaults. The file's keys are the long names with _ for -; `root` is a list there."
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

impl Cli {
    /// The command given, or `serve`.
    pub fn command(self) -> Command {
        self.command.unwrap_or(Command::Serve(self.serve))
    }
}

impl Serve {
    /// Flags and environment over the file over the defaults.
    pub fn config(self) -> Result<Config> {
        let file = self.config.as_deref().map(Settings::from_file).transpose()?.unwrap_or_default();
        Config::new(self.settings.or_environment().over(file))
    }
}
