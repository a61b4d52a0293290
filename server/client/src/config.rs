//! Configuration: flags, then variables, then the user's file, then the machine's. Never a file of the working
//! directory, which could redirect the token.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::{error::ClientError, token::TokenSource};

/// The machine's file.
const MACHINE: &str = "/etc/milepost/client.toml";
/// The name of the token in `$CREDENTIALS_DIRECTORY` of systemd, and in the configuration directories.
const TOKEN_NAMES: [&str; 2] = ["milepost-token", "milepost_token"];

/// What a client needs to report.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// The address of the server, without a slash at its end.
    pub(crate) server: Option<String>,
    pub(crate) token: TokenSource,
    /// The directory of the spool.
    pub(crate) spool: PathBuf,
    /// Certificates to trust instead of the public ones, as PEM.
    pub(crate) ca: Option<PathBuf>,
    /// Problems that do not prevent a run.
    pub(crate) warnings: Vec<String>,
}

/// A `client.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ConfigFile {
    server: Option<String>,
    token_file: Option<PathBuf>,
    spool: Option<PathBuf>,
    ca: Option<PathBuf>,
}

impl Config {
    /// Reads the configuration. A file that cannot be read is a warning: the program runs without it.
    pub(crate) fn read(server: Option<String>, token_file: Option<PathBuf>) -> Self {
        let mut warnings = Vec::new();
        let user = user_directory();
        let mut files = Vec::new();
        for path in user.iter().map(|user| user.join("client.toml")).chain([PathBuf::from(MACHINE)]) {
            match read_file(&path) {
                Ok(file) => files.extend(file),
                Err(error) => warnings.push(error.to_string()),
            }
        }
        let server = server
            .or_else(|| variable("MILEPOST_URL"))
            .or_else(|| files.iter().find_map(|file| file.server.clone()))
            .and_then(|server| checked_server(&server, &mut warnings));
        let token = token_file
            .map(TokenSource::File)
            .or_else(|| variable("MILEPOST_TOKEN").map(TokenSource::Variable))
            .or_else(|| variable("MILEPOST_TOKEN_FILE").map(|path| TokenSource::File(path.into())))
            .or_else(|| files.iter().find_map(|file| file.token_file.clone()).map(TokenSource::File))
            .or_else(|| found_token(user.as_deref()).map(TokenSource::File))
            .unwrap_or(TokenSource::Absent);
        warnings.extend(token.warning());
        let spool = variable("MILEPOST_SPOOL")
            .map(PathBuf::from)
            .or_else(|| files.iter().find_map(|file| file.spool.clone()))
            .unwrap_or_else(default_spool);
        let ca = files.iter().find_map(|file| file.ca.clone());
        Self { server, token, spool, ca, warnings }
    }

    /// Returns the server, or an error for commands that cannot do without.
    pub(crate) fn server(&self) -> Result<&str, ClientError> {
        self.server.as_deref().ok_or_else(|| {
            ClientError::Unavailable("no server: set MILEPOST_URL, or run `milepost login --server URL`".to_owned())
        })
    }
}

/// Returns the user's configuration directory.
pub(crate) fn user_directory() -> Option<PathBuf> {
    let absolute = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_CONFIG_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".config")))
        .map(|directory| directory.join("milepost"))
}

/// Whether an address leads to this machine.
pub(crate) fn is_loopback(server: &str) -> bool {
    let host = server.split_once("://").map_or(server, |(_, rest)| rest);
    let host = host.split(['/', '?']).next().unwrap_or_default();
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn read_file(path: &Path) -> Result<Option<ConfigFile>, ClientError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(ClientError::file(path)(error)),
    };
    toml::from_str(&text)
        .map(Some)
        .map_err(|error| ClientError::Config { path: path.to_owned(), message: error.message().to_owned() })
}

fn checked_server(server: &str, warnings: &mut Vec<String>) -> Option<String> {
    let server = server.trim().trim_end_matches('/');
    let visible = server.bytes().all(|byte| byte.is_ascii_graphic());
    let host = server.strip_prefix("https://").or_else(|| server.strip_prefix("http://"));
    if !visible || host.is_none_or(|host| host.is_empty() || host.contains('@')) {
        warnings.push(format!("`{server}` is not the address of a server, such as https://milepost.example.org"));
        return None;
    }
    if server.starts_with("http://") && !is_loopback(server) {
        warnings.push(format!("{server} is not encrypted: others on the way can read the token"));
    }
    Some(server.to_owned())
}

fn found_token(user: Option<&Path>) -> Option<PathBuf> {
    let credentials = variable("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let credentials = credentials.iter().flat_map(|directory| TOKEN_NAMES.map(|name| directory.join(name)));
    let configured = user.into_iter().chain([Path::new("/etc/milepost")]).map(|directory| directory.join("token"));
    credentials.chain(configured).find(|path| path.exists())
}

fn default_spool() -> PathBuf {
    if rustix::process::geteuid().is_root() {
        return PathBuf::from("/var/spool/milepost");
    }
    let absolute = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
        .unwrap_or_else(|| env::temp_dir().join(format!("milepost-{}", rustix::process::geteuid().as_raw())))
        .join("milepost/spool")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_addresses_are_recognised() {
        for server in ["http://127.0.0.1:3000", "http://localhost", "http://[::1]:3000/base"] {
            assert!(is_loopback(server), "{server}");
        }
        for server in ["http://127.0.0.1.example.org", "http://example.org/127.0.0.1", "http://10.0.0.1"] {
            assert!(!is_loopback(server), "{server}");
        }
    }

    #[test]
    fn server_without_scheme_or_with_password_is_refused() {
        let mut warnings = Vec::new();
        assert_eq!(checked_server("https://example.org/m/", &mut warnings).as_deref(), Some("https://example.org/m"));
        for wrong in ["example.org", "ftp://example.org", "https://", "https://a:b@example.org", "https://a b"] {
            assert_eq!(checked_server(wrong, &mut warnings), None, "{wrong}");
        }
        assert_eq!(warnings.len(), 5);
    }
}
