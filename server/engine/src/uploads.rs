//! Files that came in before the job that uses them.

use std::path::PathBuf;

use crate::Result;

/// Takes uploads in and finds them again.
#[derive(Clone)]
pub struct Uploads {}

impl Uploads {
    /// Starts one. `name` is cleaned of paths and control characters; `expected` bytes, where known, are checked
    /// against the limit and the free space at once.
    pub async fn begin(&self, name: &str, expected: Option<u64>) -> Result<UploadWriter> {
        let _ = (name, expected);
        unimplemented!()
    }

    /// A finished one.
    pub async fn get(&self, id: &str) -> Result<Upload> {
        let _ = id;
        unimplemented!()
    }
}

/// An upload on its way to disk. Dropped without [`UploadWriter::finish`], what was written is removed.
pub struct UploadWriter {}

impl UploadWriter {
    /// Appends; `Error::TooLarge` above the limit, `Error::Full` on a full disk.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let _ = bytes;
        unimplemented!()
    }

    /// Syncs and registers it.
    pub async fn finish(self) -> Result<Upload> {
        unimplemented!()
    }
}

/// A finished upload.
#[derive(Clone, Debug)]
pub struct Upload {
    /// Its id, for input fields.
    pub id: String,
    /// The name it came with.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Where it lies. Read only.
    pub path: PathBuf,
}
