//! The file with the setup link, by which the first administrator sets a password.

use std::{
    fs::{self, File},
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
};

use crate::{Error, Result, config::Config};

fn path(config: &Config) -> PathBuf {
    config.work.data_dir.join("setup-link")
}

/// Writes the link to a new file that only the user of this process can read. Returns the path of the file.
pub(crate) fn write(config: &Config, link: &str) -> Result<PathBuf> {
    remove(config);
    let file = path(config);
    let written = File::options().write(true).create_new(true).mode(0o600).open(&file);
    match written.and_then(|mut file| writeln!(file, "{link}")) {
        Ok(()) => Ok(file),
        Err(source) => Err(Error::Io { what: format!("writing {}", file.display()), source }),
    }
}

/// Removes the file, if there is one: after the link was used, or when a server starts.
pub(crate) fn remove(config: &Config) {
    let file = path(config);
    if let Err(error) = fs::remove_file(&file)
        && error.kind() != ErrorKind::NotFound
    {
        tracing::warn!(file = %file.display(), %error, "cannot remove an old link for the first administrator");
    }
}
