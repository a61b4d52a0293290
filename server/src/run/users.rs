//! `milepost setup-link` and `milepost user`: accounts from the command line, beside a running server or without one.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, IsTerminal, Write},
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use accounts::{AuthService, Secret, passwords, user_names};
use app::session::setup_link_path;
use engine::{
    DataDir,
    store::{Attribution, Ending, SqliteOptions, SqliteStore, User},
};
use jiff::Timestamp;
use model::FieldError;
use tokio::runtime;

use crate::{Error, Result, cli::Change, config::Config, run::lock::Lock};

/// Who does it, as the audit log has it. Nobody can be called that.
const BY: &str = "milepost user";

/// Prints a link with which the first administrator is set up.
pub fn setup_link(config: &Config) -> Result<()> {
    beside(config, async |auth| {
        if auth.is_set_up() {
            let remedy = "There is an administrator already. `milepost user list` tells who, and `milepost user reset \
                          NAME` makes a link for another password.";
            return Err(refused("already_set_up", remedy.to_owned()));
        }
        let secret = auth.make_link(None, &Attribution::from(BY)).await?;
        print(&link(config, config.addr, &secret))
    })
}

/// At the start of a server that nobody can sign in to yet: makes a link for the first administrator. Returns the line
/// that tells of it. The link itself is in that line only on a terminal; elsewhere stdout is often a log that others may
/// read, so the link is in a private file.
pub(crate) async fn invitation(auth: &AuthService, config: &Config, listening: SocketAddr) -> Option<String> {
    let file = setup_file(config);
    if auth.is_set_up() {
        remove_setup_file(&file);
        return None;
    }
    let made = async {
        let secret = auth.make_link(None, &Attribution::from("milepost serve")).await?;
        let link = link(config, listening, &secret);
        if io::stdout().is_terminal() {
            return Ok(format!("set up the first administrator at {link}"));
        }
        write_setup_file(&file, &link)?;
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

/// Where the link for the first administrator is kept.
fn setup_file(config: &Config) -> PathBuf {
    config.work.data_dir.join("setup-link")
}

/// Writes the link to a new file that only this user can read.
fn write_setup_file(file: &Path, link: &str) -> Result<()> {
    remove_setup_file(file);
    let written = File::options().write(true).create_new(true).mode(0o600).open(file);
    let written = written.and_then(|mut file| writeln!(file, "{link}"));
    written.map_err(|source| Error::Io { what: format!("writing {}", file.display()), source })
}

/// Removes the link of an earlier start.
fn remove_setup_file(file: &Path) {
    if let Err(error) = fs::remove_file(file)
        && error.kind() != ErrorKind::NotFound
    {
        tracing::warn!(file = %file.display(), %error, "cannot remove an old link for the first administrator");
    }
}

/// Removes the link of this start, which was used.
pub(crate) fn forget_invitation(config: &Config) {
    remove_setup_file(&setup_file(config));
}

/// Lists or changes people.
pub fn change(config: &Config, change: Change) -> Result<()> {
    let by = Attribution::from(BY);
    beside(config, async |auth| {
        match change {
            Change::List => list(auth)?,
            Change::Add { name, role, password_stdin } => {
                let password = password_stdin.then(|| from_stdin(&name)).transpose()?;
                let (_, secret) = auth.add_user(&name, role, &by).await?;
                hand_over(auth, config, &secret, password).await?;
            }
            Change::Role { name, role } => {
                let person = known(auth, &name)?;
                auth.change_role(person.id, role, &by).await?;
                print(&format!("{} is {role} now", person.name))?;
            }
            Change::Reset { name, password_stdin } => {
                let person = known(auth, &name)?;
                let password = password_stdin.then(|| from_stdin(&name)).transpose()?;
                let secret = auth.make_link(Some(person.id), &by).await?;
                hand_over(auth, config, &secret, password).await?;
            }
            Change::Remove { name } => {
                let person = known(auth, &name)?;
                auth.remove_user(person.id, &by).await?;
                print(&format!("{} can sign in no more", person.name))?;
            }
            Change::SignOut { name } => {
                let person = known(auth, &name)?;
                let ended = auth.end_sessions(person.id, Ending::All, &by).await?;
                print(&format!("ended {ended} sessions of {}", person.name))?;
            }
        }
        Ok(())
    })
}

/// Does something on the data of a server, which may be at work on it.
fn beside(config: &Config, work: impl AsyncFnOnce(&AuthService) -> Result<()>) -> Result<()> {
    let data = DataDir::new(&config.work.data_dir);
    // As long as it is held, no server changes the schema.
    let _lock = Lock::work(data.path())?;
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| Error::Io { what: "starting to work".to_owned(), source })?;
    runtime.block_on(async {
        let options = SqliteOptions { readers: 1, migrate: false, ..SqliteOptions::new(data.database()) };
        let store = Arc::new(SqliteStore::open(options).await?);
        work(&AuthService::open(store, Vec::new()).await?).await
    })
}

/// Prints the link, or uses it at once for a password that is known already.
async fn hand_over(auth: &AuthService, config: &Config, secret: &Secret, password: Option<String>) -> Result<()> {
    match password {
        None => print(&link(config, config.addr, secret))?,
        Some(password) => {
            let used = auth.use_link(secret.reveal(), "", &password, None).await?;
            print(&format!("{} can sign in with that password", used.user.name))?;
        }
    }
    Ok(())
}

/// The password in the standard input, its first line, for somebody called `name`.
fn from_stdin(name: &str) -> Result<String> {
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

/// Who is called like this, unless removed.
fn known(auth: &AuthService, name: &str) -> Result<User> {
    let accounts = auth.accounts();
    let person = accounts.user_named(&user_names::fold(name)).filter(|person| person.removed_at.is_none());
    person.cloned().ok_or_else(|| {
        refused("no_such_user", format!("There is no user {name}; `milepost user list` tells who there is."))
    })
}

fn list(auth: &AuthService) -> Result<()> {
    let accounts = auth.accounts();
    let people = accounts.users();
    let width = people.iter().map(|person| person.name.len()).max().unwrap_or_default();
    for person in people {
        let standing = match (person.removed_at, person.active) {
            (Some(at), _) => format!("removed {}", day(at)),
            (None, true) => person.seen_at.map_or_else(|| "not seen yet".to_owned(), |at| format!("seen {}", day(at))),
            (None, false) => "no password yet".to_owned(),
        };
        print(&format!("{:width$}  {:13}  {standing}", person.name, person.role.as_str()))?;
    }
    Ok(())
}

/// A day, UTC.
fn day(at: model::Micros) -> String {
    let day = Timestamp::from_microsecond(at.0).map(|at| at.strftime("%F").to_string());
    day.unwrap_or_else(|_| at.0.to_string())
}

fn link(config: &Config, listening: SocketAddr, secret: &Secret) -> String {
    config.link(&setup_link_path(secret.reveal()), listening)
}

fn refused(code: &'static str, message: String) -> Error {
    Error::Engine(engine::Error::Refused { code, message })
}

/// What the command is asked for. Fails where it cannot be written: the caller would miss it.
fn print(line: &str) -> Result<()> {
    let written = writeln!(io::stdout(), "{line}");
    written.map_err(|source| Error::Io { what: "writing to the standard output".to_owned(), source })
}
