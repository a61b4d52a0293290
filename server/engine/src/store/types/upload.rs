//! Uploads and their quota.

use model::Micros;

/// How much a user may have sent that is still kept.
#[derive(Clone, Copy, Debug)]
pub struct UploadQuota {
    /// Bytes of uploads and large inputs; `None` without a limit.
    pub bytes: Option<u64>,
    /// Uploads, whatever their sizes.
    pub files: u64,
}

impl Default for UploadQuota {
    fn default() -> Self {
        Self { bytes: None, files: 10_000 }
    }
}

/// An uploaded file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadRow {
    /// Its id.
    pub id: String,
    /// Its name, without paths and control characters.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// When it was completed.
    pub at: Micros,
    /// The name of its sender; `None` for uploads of builds without accounts.
    pub by: Option<String>,
}
