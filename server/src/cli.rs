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
                  `trusted_proxy` are lists.\n\nCommands for programs that report elsewhere: run, spool, doctor, login, and inside a run progress, \
                  note, warn, artifact. `milepost run --help` lists their flags."
)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Serve,
}

/// The commands.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Serve the web pages and run the jobs (the default)
    Serve(Serve),
    /// Run jobs beside a server, on the same data directory; start any number of workers
    Worker(Worker),
    /// Check that the server on this machine responds: exit code 0 if it is healthy, otherwise 1
    Health(Health),
    /// Print a new setup link for the first administrator; earlier ones expire
    SetupLink(AccountSettings),
    /// List, add, change and remove users
    User(UserArgs),
}

/// The settings of account commands: those of the server, so that the same file can be used.
#[derive(Args, Debug)]
#[command(mut_args = show_location_settings)]
pub struct AccountSettings {
    #[command(flatten)]
    server: Serve,
}

/// The settings of `health`: those of the server, so that the same file can be used.
#[derive(Args, Debug)]
#[command(mut_args = show_address_settings)]
pub struct Health {
    #[command(flatten)]
    server: Serve,
}

/// The arguments of `milepost user`.
#[derive(Args, Debug)]
pub struct UserArgs {
    #[command(flatten)]
    settings: AccountSettings,
    #[command(subcommand)]
    command: UserCommand,
}

/// The commands of `milepost user`. The audit log names `milepost user` as their author.
#[derive(Subcommand, Debug)]
pub enum UserCommand {
    /// List all users, including removed ones
    List,
    /// Add a user and print the invite link
    Add {
        /// User name
        name: String,
        /// Role
        #[arg(long, value_parser = role())]
        role: Role,
        /// Name that pages show
        #[arg(long, value_name = "NAME")]
        display_name: Option<String>,
        /// Read the password from standard input instead
        #[arg(long)]
        password_stdin: bool,
    },
    /// Change the display name of a user; the user name stays
    Rename {
        /// User name
        name: String,
        /// Name that pages show; empty for the user name
        #[arg(long, value_name = "NAME")]
        display_name: String,
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
    /// Read settings from this TOML file; settings of a server are ignored
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
    /// Flags take precedence over the environment, the file and the defaults.
    pub fn config(self) -> Result<Config> {
        let config = Config::new(self.settings.with_environment().with_fallback(settings_from_file(self.config)?))?;
        Ok(Config { sweep_orphans: self.sweep_orphans, ..config })
    }
}

impl Worker {
    pub fn config(self) -> Result<WorkConfig> {
        WorkConfig::for_worker(
            self.settings.with_environment().with_fallback(settings_from_file(self.config)?.into_work()),
        )
    }
}

impl AccountSettings {
    pub fn config(self) -> Result<Config> {
        self.server.config()
    }
}

impl Health {
    pub fn config(self) -> Result<Config> {
        self.server.config()
    }
}

impl UserArgs {
    pub fn config(self) -> Result<(Config, UserCommand)> {
        Ok((self.settings.config()?, self.command))
    }
}

/// Shows only the settings for the data directory and the public address. They may come before or after the subcommand.
fn show_location_settings(arg: Arg) -> Arg {
    show_only(&["config", "data_dir", "addr", "public_url", "base_path"], arg).global(true)
}

/// Shows only the settings for the address.
fn show_address_settings(arg: Arg) -> Arg {
    show_only(&["config", "addr"], arg)
}

fn show_only(shown: &[&str], arg: Arg) -> Arg {
    let hidden = !shown.contains(&arg.get_id().as_str());
    arg.hide(hidden).hide_env_values(true)
}

fn role() -> impl TypedValueParser<Value = Role> {
    let roles = PossibleValuesParser::new(Role::ALL.map(Role::as_str));
    roles.map(|word| Role::from_word(&word).expect("one of the possible values"))
}

/// The settings of the file, if there is one.
fn settings_from_file(path: Option<PathBuf>) -> Result<Settings> {
    path.as_deref().map(Settings::from_file).transpose().map(Option::unwrap_or_default)
}
