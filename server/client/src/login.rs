//! `milepost login`: stores the address of a server and a token that is read from standard input.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{IsTerminal as _, Write as _, stdin},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
};

use lexopt::{Arg, Parser};

use crate::{
    config::{Config, user_directory},
    error::ClientError,
    message,
};

/// `login [--server URL]`
pub(crate) fn run(parser: &mut Parser) -> Result<u8, ClientError> {
    let mut server = None;
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("server") => server = Some(parser.value()?.to_string_lossy().into_owned()),
            Arg::Short(_) | Arg::Long(_) | Arg::Value(_) => return Err(arg.unexpected().into()),
        }
    }
    let address =
        server.clone().map(|server| Config::read(Some(server), None).server().map(str::to_owned)).transpose()?;
    let directory = user_directory().ok_or_else(|| ClientError::Unavailable("HOME is not set".to_owned()))?;
    if stdin().is_terminal() {
        message::always("paste the token and press Enter");
    }
    let mut token = String::new();
    stdin().read_line(&mut token).map_err(ClientError::file("standard input"))?;
    let token = token.trim();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ClientError::Usage("there is no token on standard input".to_owned()));
    }
    DirBuilder::new().recursive(true).mode(0o700).create(&directory).map_err(ClientError::file(&directory))?;
    store(&directory.join("token"), &format!("{token}\n"))?;
    if let Some(address) = address {
        store_server(&directory.join("client.toml"), &address)?;
    }
    message::always(&format!("stored in {}", directory.display()));
    Ok(0)
}

/// Replaces the server in the file and keeps its other lines.
fn store_server(path: &Path, address: &str) -> Result<(), ClientError> {
    let old = fs::read_to_string(path).unwrap_or_default();
    let is_server =
        |line: &&str| line.trim_start().strip_prefix("server").is_some_and(|rest| rest.trim_start().starts_with('='));
    let mut text = format!("server = \"{address}\"\n");
    for line in old.lines().filter(|line| !is_server(line)) {
        text.push_str(line);
        text.push('\n');
    }
    store(path, &text)
}

/// Writes a file that only its user can read, whole or not at all.
fn store(path: &Path, text: &str) -> Result<(), ClientError> {
    let new = path.with_extension("new");
    let _ = fs::remove_file(&new);
    let mut file =
        OpenOptions::new().create_new(true).write(true).mode(0o600).open(&new).map_err(ClientError::file(&new))?;
    file.write_all(text.as_bytes()).map_err(ClientError::file(&new))?;
    fs::rename(&new, path).map_err(ClientError::file(path))
}
