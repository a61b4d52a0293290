//! The command line.

use std::path::PathBuf;

use clap::{
    Arg, Args, Parser, Subcommand,
    builder::{PossibleValuesParser, TypedValueParser},
};
use model::Role;

use crate::{
    Result,
    config::{Config, Settings, WorkConfig, WorkSettings},
    http::assets,
};

/// A dashboard for long-running jobs: start tasks, follow their progress, cancel them, keep their history
#[derive(Parser, Debug)]
#[command(name = "milepost", version = assets::version(), args_conflicts_with_subcommands = true, mut_args = |arg| arg.hide_env_values(true))]
#[command(
    after_help = "Without a command, milepost runs `serve`. Flags take precedence over variables, variables over the \
                  file, the file over the defaults. Keys of the file are the long names with _ for -; `root` and \
                  `trusted_proxy` are lists."
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
    /// Run jobs beside a server, on the same data directory; start any number of workers
    Worker(Worker),
    /// Print a new setup link for the first administrator; earlier ones expire
    SetupLink(Beside),
    /// List, add, change and remove users
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
    /// List all users, including removed ones
    List,
    /// Add a user and print the invite link
    Add {
        /// User name
        name: String,
        /// Role
        #[arg(long, value_parser = role())]
        role: Role,
        /// Read the password from standard input instead
        #[arg(long)]
        password_stdin: bool,
    },
    /// Change the role of a user
    Role {
        /// User name
        name: String,
        /// New role
        #[arg(value_parser = role())]
        role: Role,
    },
    /// Print a password reset link; using it signs the user out everywhere
    Reset {
        /// User name
        name: String,
        /// Read the password from standard input instead
        #[arg(long)]
        password_stdin: bool,
    },
    /// Remove a user: sessions, links and tokens are revoked; the name cannot be reused
    Remove {
        /// User name
        name: String,
    },
    /// Sign a user out everywhere
    SignOut {
        /// User name
        name: String,
    },
}

/// The settings of `serve`.
#[derive(Args, Debug)]
pub struct Serve {
    /// Read settings from this TOML file
    #[arg(long, env = "MILEPOST_CONFIG", value_name = "FILE", help_heading = "Server")]
    config: Option<PathBuf>,
    /// Move all files without a database row aside and delete them a day later
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
