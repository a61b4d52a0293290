//! The command line.

use std::path::PathBuf;

use clap::{
    Arg, Args, Parser, Subcommand,
    builder::{PossibleValuesParser, TypedValueParser},
};
use model::Role;

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
    /// Make the link with which the first administrator is set up, in place of earlier ones
    SetupLink(Beside),
    /// List, add, change and remove the people who may sign in
    User(User),
}

/// The settings of what works on a server's data beside it: those of the server, so that it can be given the same file.
#[derive(Args, Debug)]
#[command(mut_args = only_where)]
pub struct Beside {
    #[command(flatten)]
    server: Serve,
}

/// The settings and what to do.
#[derive(Args, Debug)]
pub struct User {
    #[command(flatten)]
    beside: Beside,
    #[command(subcommand)]
    change: Change,
}

/// What to do about people. Notes in the audit log say that `milepost user` did it.
#[derive(Subcommand, Debug)]
pub enum Change {
    /// Print everybody, the removed ones too
    List,
    /// Add somebody, and print the link with which they choose a password
    Add {
        /// The name to sign in with
        name: String,
        /// What they may do
        #[arg(long, value_parser = role())]
        role: Role,
        /// Set the password that stands in the standard input instead
        #[arg(long)]
        password_stdin: bool,
    },
    /// Change what somebody may do
    Role {
        /// Who
        name: String,
        /// What they may do from now on
        #[arg(value_parser = role())]
        role: Role,
    },
    /// Print a link with which somebody chooses another password; using it ends their sessions
    Reset {
        /// Who
        name: String,
        /// Set the password that stands in the standard input instead
        #[arg(long)]
        password_stdin: bool,
    },
    /// Let somebody in no more: their sessions, links and tokens end. The name stays theirs
    Remove {
        /// Who
        name: String,
    },
    /// End all sessions of somebody
    SignOut {
        /// Who
        name: String,
    },
}

/// The settings of `serve`.
#[derive(Args, Debug)]
pub struct Serve {
    /// Read settings from this TOML file
    #[arg(long, env = "MILEPOST_CONFIG", value_name = "FILE", help_heading = "Server")]
    config: Option<PathBuf>,
    /// Move all files aside that the database does not know, however many, and remove them a day later
    #[arg(long, help_heading = "Data")]
    sweep_orphans: bool,
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
        let config = Config::new(self.settings.or_environment().over(file(self.config)?))?;
        Ok(Config { sweep_orphans: self.sweep_orphans, ..config })
    }
}

impl Worker {
    /// The same.
    pub fn config(self) -> Result<WorkConfig> {
        WorkConfig::working(self.settings.or_environment().over(file(self.config)?.into_work()))
    }
}

impl Beside {
    /// The same.
    pub fn config(self) -> Result<Config> {
        self.server.config()
    }
}

impl User {
    /// The settings and what to do.
    pub fn config(self) -> Result<(Config, Change)> {
        Ok((self.beside.config()?, self.change))
    }
}

/// Shows, of a server's settings, those that say where its data lies and how people reach it. They may stand anywhere.
fn only_where(arg: Arg) -> Arg {
    let shown = ["config", "data_dir", "addr", "public_url", "base_path"].contains(&arg.get_id().as_str());
    arg.hide(!shown).hide_env_values(true).global(true)
}

fn role() -> impl TypedValueParser<Value = Role> {
    let words = PossibleValuesParser::new(Role::ALL.map(Role::as_str));
    words.map(|word| Role::from_word(&word).expect("one of the possible values"))
}

/// What the file says, where there is one.
fn file(path: Option<PathBuf>) -> Result<Settings> {
    path.as_deref().map(Settings::from_file).transpose().map(Option::unwrap_or_default)
}
