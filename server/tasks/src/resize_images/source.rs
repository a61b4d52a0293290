//! Sources of images: one file, a zip file or a folder. The list of images is kept in the work folder, so that their
//! numbers are the same in a later attempt.

use std::{
    fmt,
    fs::File,
    io::{self, ErrorKind, Read, Seek, SeekFrom},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use engine::{RootedFolder, TaskError};
use serde::{Deserialize, Serialize};
use zip::{ZipArchive, result::ZipError};

use crate::walk::printable_path;

/// Largest image file, bytes.
pub(super) const MAX_FILE: u64 = 128 << 20;
/// Largest central directory of a zip file, bytes: about 100,000 names.
const MAX_DIRECTORY: u64 = 16 << 20;
/// File extensions of images.
const EXTENSIONS: [&str; 6] = ["jpg", "jpeg", "png", "webp", "gif", "bmp"];

/// An image.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Item {
    /// Number in the list, from 0.
    pub(super) number: usize,
    /// Index in the zip file.
    pub(super) entry: usize,
    /// Name in the zip file, or path in the folder.
    pub(super) path: Vec<u8>,
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable_path(&self.path))
    }
}

/// Cheap to clone.
#[derive(Clone)]
pub(super) enum Source {
    Folder(RootedFolder),
    One(PathBuf),
    Zip(ZipArchive<Positioned>),
}

impl Source {
    /// Opens an upload: a zip file or a single image.
    pub(super) fn upload(path: &Path) -> Result<Self, TaskError> {
        let opening = |error: io::Error| TaskError::io("reading the upload", &error);
        let mut file = File::open(path).map_err(opening)?;
        let mut magic = [0; 4];
        match file.read_exact(&mut magic) {
            Err(error) if error.kind() != ErrorKind::UnexpectedEof => return Err(opening(error)),
            Ok(()) if magic.starts_with(b"PK") => {}
            Ok(()) | Err(_) => return Ok(Self::One(path.to_owned())),
        }
        let size = file.metadata().map_err(opening)?.len();
        let left = Arc::new(AtomicU64::new(MAX_DIRECTORY));
        let contents = Positioned { file: Arc::new(file), at: 0, size, left: Arc::clone(&left) };
        let zip = ZipArchive::new(contents).map_err(|error| match error {
            ZipError::Io(error) if error.raw_os_error().is_some() => opening(error),
            ZipError::Io(error) if error.kind() == ErrorKind::QuotaExceeded => {
                TaskError::fatal("too_many_images", "the zip file has too many entries; split it")
            }
            error => TaskError::fatal("bad_zip", format!("the zip file cannot be read: {error}")).caused_by(&error),
        })?;
        left.store(u64::MAX, Ordering::Relaxed);
        Ok(Self::Zip(zip))
    }

    /// Size of an image file by the folder or the zip file, bytes.
    ///
    /// # Errors
    /// Code `bad_image` if it is missing or too large.
    pub(super) fn length(&self, item: &Item) -> Result<u64, TaskError> {
        let length = match self {
            Self::Folder(folder) => folder.metadata_of(&item.path).map(|meta| meta.len()),
            Self::One(path) => path.metadata().map(|meta| meta.len()),
            Self::Zip(zip) => {
                let mut zip = zip.clone();
                let entry = zip.by_index_raw(item.entry).map_err(|error| unreadable(&error))?;
                Ok(entry.size())
            }
        };
        let length = length.map_err(|error| unreadable(&error))?;
        if length > MAX_FILE {
            let message = format!("its file is larger than {}", model::bytes(MAX_FILE));
            return Err(TaskError::fatal("bad_image", message));
        }
        Ok(length)
    }

    /// Reads an image file of at most `length` bytes.
    ///
    /// # Errors
    /// Code `bad_image` if it cannot be read completely, or the error of `check`, which is called between chunks.
    pub(super) fn read(
        &self,
        item: &Item,
        length: u64,
        check: impl Fn() -> Result<(), TaskError>,
    ) -> Result<Vec<u8>, TaskError> {
        match self {
            Self::Folder(folder) => {
                let file = folder.open_file(&item.path).map_err(|error| unreadable(&error))?;
                read_all(file, length, check)
            }
            Self::One(path) => read_all(File::open(path).map_err(|error| unreadable(&error))?, length, check),
            Self::Zip(zip) => {
                let mut zip = zip.clone();
                let file = zip.by_index(item.entry).map_err(|error| unreadable(&error))?;
                read_all(file, length, check)
            }
        }
    }
}

/// Whether a name has the extension of an image and is not macOS metadata.
pub(super) fn is_image(path: &[u8]) -> bool {
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let extension = name.rsplit(|byte| *byte == b'.').next().unwrap_or_default().to_ascii_lowercase();
    name.contains(&b'.')
        && !name.starts_with(b"._")
        && !path.starts_with(b"__MACOSX/")
        && EXTENSIONS.iter().any(|known| known.as_bytes() == extension)
}

fn read_all(mut file: impl Read, length: u64, check: impl Fn() -> Result<(), TaskError>) -> Result<Vec<u8>, TaskError> {
    const CHUNK: u64 = 1 << 20;
    let mut bytes = Vec::with_capacity(length as usize);
    loop {
        check()?;
        if file.by_ref().take(CHUNK).read_to_end(&mut bytes).map_err(|error| unreadable(&error))? == 0 {
            return Ok(bytes);
        }
        if bytes.len() as u64 > length {
            return Err(TaskError::fatal(
                "bad_image",
                "its file is longer than before or than declared in the zip file",
            ));
        }
    }
}

fn unreadable(error: &dyn std::error::Error) -> TaskError {
    TaskError::fatal("bad_image", format!("cannot be read: {error}")).caused_by(error)
}

/// A file shared by several readers, each with its own offset. The number of readable bytes is limited while a zip file
/// is opened, since its directory is kept in memory.
#[derive(Clone, Debug)]
pub(super) struct Positioned {
    file: Arc<File>,
    at: u64,
    size: u64,
    /// Bytes that all readers together may still read.
    left: Arc<AtomicU64>,
}

impl Read for Positioned {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.file.read_at(buffer, self.at)?;
        self.at += length as u64;
        let less = |left: u64| left.checked_sub(length as u64);
        match self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less) {
            Ok(_) => Ok(length),
            Err(_) => Err(ErrorKind::QuotaExceeded.into()),
        }
    }
}

impl Seek for Positioned {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(offset) => self.size.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.at.checked_add_signed(offset),
        };
        self.at = at.ok_or(ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
