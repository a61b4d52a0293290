//! The token: where it is read from, and that it is read again when the server refuses it.

use std::{fs, os::unix::fs::MetadataExt as _, path::PathBuf};

/// The source of the token. No flag takes a token, because other users can read a command line.
#[derive(Clone, Debug)]
pub(crate) enum TokenSource {
    /// The variable `MILEPOST_TOKEN`.
    Variable(String),
    /// A file, which may be replaced while the client runs.
    File(PathBuf),
    /// None: a server without accounts.
    Absent,
}

impl TokenSource {
    /// Returns the token as it is now; nothing if the file cannot be read or holds none.
    pub(crate) fn read(&self) -> Option<String> {
        match self {
            Self::Variable(token) => valid(token),
            Self::File(path) => valid(&fs::read_to_string(path).ok()?),
            Self::Absent => None,
        }
    }

    /// Returns a warning about a file that others can read, or that cannot be read.
    pub(crate) fn warning(&self) -> Option<String> {
        let Self::File(path) = self else { return None };
        match fs::metadata(path) {
            Ok(metadata) if metadata.mode() & 0o077 != 0 => {
                Some(format!("others can read the token; run `chmod 600 {}`", path.display()))
            }
            Ok(_) => fs::File::open(path).err().map(|error| format!("{}: {error}", path.display())),
            Err(error) => Some(format!("{}: {error}", path.display())),
        }
    }

    /// Describes the source for `doctor`.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Variable(_) => "MILEPOST_TOKEN".to_owned(),
            Self::File(path) => path.display().to_string(),
            Self::Absent => "none".to_owned(),
        }
    }
}

/// A token is one line of visible ASCII: anything else cannot be sent in a header.
fn valid(text: &str) -> Option<String> {
    let token = text.trim();
    (!token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic())).then(|| token.to_owned())
}
