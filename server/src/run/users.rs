//! `milepost setup-link` and `milepost user`: account commands, beside a running server or without one.

use std::{
    io::{self, IsTerminal, Write},
    net::SocketAddr,
    sync::Arc,
};

use accounts::{AuthService, Secret, passwords, user_names};
use app::session::setup_link_path;
use engine::{
    DataDir,
    store::{Attribution, SessionsToEnd, SqliteOptions, SqliteStore, User},
};
use jiff::Timestamp;
use model::FieldError;
use tokio::runtime;

use crate::{
    Error, Result,
    cli::UserCommand,
    config::{Config, DEFAULT_ADDR},
    run::lock::{Lock, server_address},
    setup_link_file,
};

/// The name in the audit log; no user can have it.
const BY: &str = "milepost user";

/// Prints a setup link for the first administrator.
pub fn setup_link(config: &Config) -> Result<()> {
    with_auth_service(config, async |auth| {
        if auth.is_set_up() {
            let remedy = "There is an administrator already. `milepost user list` shows the users, and `milepost user reset \
                          NAME` makes a link for another password.";
            return Err(refusal("already_set_up", remedy.to_owned()));
        }
        let secret = auth.make_link(None, &Attribution::from(BY)).await?;
        print(&link(config, &secret))
    })
}

/// Creates the setup link at the start of a server without an administrator. Returns the line for stdout. It contains
/// the link only on a terminal; elsewhere stdout is often a log that others may read, so the link is in a private file.
pub(crate) async fn create_setup_link(auth: &AuthService, config: &Config, listening: SocketAddr) -> Option<String> {
    if auth.is_set_up() {
        setup_link_file::remove(config);
        return None;
    }
    let made = async {
        let secret = auth.make_link(None, &Attribution::from("milepost serve")).await?;
        let link = config.link(&setup_link_path(secret.reveal()), listening);
        if io::stdout().is_terminal() {
            return Ok(format!("set up the first administrator at {link}"));
        }
        let file = setup_link_file::write(config, &link)?;
        Ok::<_, Error>(format!("set up the first administrator with the link in {}", file.display()))
    };
    match made.await {
        Ok(line) => {
            tracing::info!("no one can sign in yet; stdout says where the link for the first administrator is");
            Some(line)
        }
        Err(error) => {
            tracing::error!(%error, "cannot make a link for the first administrator; try `milepost setup-link`");
            None
        }
    }
}

/// Runs a `milepost user` command.
pub fn change_users(config: &Config, command: UserCommand) -> Result<()> {
    let by = Attribution::from(BY);
    with_auth_service(config, async |auth| {
        match command {
            UserCommand::List => list(auth)?,
            UserCommand::Add { name, role, display_name, password_stdin } => {
                let password = password_stdin.then(|| password_from_stdin(&name)).transpose()?;
                let (user, secret) = auth.add_user(&name, role, &by).await?;
                print_or_use_link(auth, config, &secret, password).await?;
                // Last: the link is of use also if the display name is refused.
                if let Some(display_name) = display_name {
                    auth.set_display_name(user, &display_name, &by).await?;
                }
            }
            UserCommand::Rename { name, display_name } => {
                let person = find_user(auth, &name)?;
                auth.set_display_name(person.id, &display_name, &by).await?;
                let accounts = auth.accounts();
                print(&match accounts.display_name(&person.name) {
                    Some(shown) => format!("{} is shown as {shown} now", person.name),
                    None => format!("{} has no display name now", person.name),
                })?;
            }
            UserCommand::Role { name, role } => {
                let person = find_user(auth, &name)?;
                auth.change_role(person.id, role, &by).await?;
                print(&format!("{} is {role} now", person.name))?;
            }
            UserCommand::Reset { name, password_stdin } => {
                let person = find_user(auth, &name)?;
                let password = password_stdin.then(|| password_from_stdin(&name)).transpose()?;
                let secret = auth.make_link(Some(person.id), &by).await?;
                print_or_use_link(auth, config, &secret, password).await?;
            }
            UserCommand::Remove { name } => {
                let person = find_user(auth, &name)?;
                auth.remove_user(person.id, &by).await?;
                print(&format!("{} can sign in no more", person.name))?;
            }
            UserCommand::SignOut { name } => {
                let person = find_user(auth, &name)?;
                let ended = auth.end_sessions(person.id, SessionsToEnd::All, &by).await?;
                print(&format!("ended {ended} sessions of {}", person.name))?;
            }
        }
        Ok(())
    })
}

/// Opens the accounts of a data directory, which a server may use at the same time.
fn with_auth_service(config: &Config, run: impl AsyncFnOnce(&AuthService) -> Result<()>) -> Result<()> {
    let data = DataDir::new(&config.work.data_dir);
    // While it is held, no server migrates the database.
    let _lock = Lock::work(data.path())?;
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| Error::Io { what: "starting to work".to_owned(), source })?;
    runtime.block_on(async {
        let options = SqliteOptions { readers: 1, migrate: false, ..SqliteOptions::new(data.database()) };
        let store = Arc::new(SqliteStore::open(options).await?);
        run(&AuthService::open(store, Vec::new()).await?).await
    })
}

/// Prints the link, or uses it at once with the given password.
async fn print_or_use_link(
    auth: &AuthService,
    config: &Config,
    secret: &Secret,
    password: Option<String>,
) -> Result<()> {
    match password {
        None => print(&link(config, secret))?,
        Some(password) => {
            let used = auth.use_link(secret.reveal(), "", &password, None).await?;
            print(&format!("{} can sign in with that password", used.user.name))?;
        }
    }
    Ok(())
}

/// The password in the first line of standard input, checked for the user `name`.
fn password_from_stdin(name: &str) -> Result<String> {
    let mut line = String::new();
    let read = io::stdin().read_line(&mut line);
    read.map_err(|source| Error::Io { what: "reading the password".to_owned(), source })?;
    let password = line.trim_end_matches(['\r', '\n']);
    passwords::check(name, password).map_err(|message| {
        let field = "password".to_owned();
        Error::Engine(engine::Error::InvalidInput(vec![FieldError { field, message }]))
    })?;
    Ok(password.to_owned())
}

/// The user of that name, unless removed.
fn find_user(auth: &AuthService, name: &str) -> Result<User> {
    let accounts = auth.accounts();
    let person = accounts.user_named(&user_names::fold(name)).filter(|person| person.removed_at.is_none());
    person.cloned().ok_or_else(|| {
        refusal("no_such_user", format!("There is no user {name}; `milepost user list` shows all users."))
    })
}

fn list(auth: &AuthService) -> Result<()> {
    let accounts = auth.accounts();
    let people = accounts.users();
    let width = people.iter().map(|person| person.name.len()).max().unwrap_or_default();
    for person in people {
        let status = match (person.removed_at, person.active) {
            (Some(at), _) => format!("removed {}", day(at)),
            (None, true) => person.seen_at.map_or_else(|| "not seen yet".to_owned(), |at| format!("seen {}", day(at))),
            (None, false) => "no password yet".to_owned(),
        };
        let shown = person.display_name.as_ref().map(|name| format!("  {name}")).unwrap_or_default();
        print(&format!("{:width$}  {:13}  {status}{shown}", person.name, person.role.as_str()))?;
    }
    Ok(())
}

/// The date, UTC.
fn day(at: model::Micros) -> String {
    let day = Timestamp::from_microsecond(at.0).map(|at| at.strftime("%F").to_string());
    day.unwrap_or_else(|_| at.0.to_string())
}

/// The link to choose a password: on the address that was given, or else on that of the server of the data directory.
fn link(config: &Config, secret: &Secret) -> String {
    let path = setup_link_path(secret.reveal());
    let is_given = config.public_url.is_some() || config.addr != DEFAULT_ADDR;
    match server_address(&config.work.data_dir).filter(|_| !is_given) {
        Some(address) => address + &path,
        None => config.link(&path, config.addr),
    }
}

fn refusal(code: &'static str, message: String) -> Error {
    Error::Engine(engine::Error::Refused { code, message })
}

/// Prints the output of a command. Fails if it cannot be written, since the output is its purpose.
fn print(line: &str) -> Result<()> {
    let written = writeln!(io::stdout(), "{line}");
    written.map_err(|source| Error::Io { what: "writing to the standard output".to_owned(), source })
}
