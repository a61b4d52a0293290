//! Uploads: receives files within the quota of their sender, finds them again and removes unused ones.

use std::{
    collections::HashMap,
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{fs::File, io::AsyncWriteExt};

use crate::{
    Clock, DataDir, Error, Result, WriteBudget,
    files::disk::Disk,
    store::{Attribution, Store, UploadQuota, UploadRow},
};

/// The longest name kept, characters.
const NAME_LENGTH: usize = 200;

/// Receives uploads and finds them again.
#[derive(Clone)]
pub struct Uploads {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    folder: PathBuf,
    disk: Arc<Disk>,
    limits: UploadLimits,
    coming: Coming,
}

/// Bytes on their way in, by who sends them.
type Coming = Arc<Mutex<HashMap<String, u64>>>;

/// How much may be sent, bytes.
#[derive(Clone, Copy)]
pub(crate) struct UploadLimits {
    /// The largest file.
    pub(crate) file: u64,
    /// All that one user has sent and that is still kept; `None` for any amount.
    pub(crate) person: Option<u64>,
}

impl Uploads {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        data: &DataDir,
        disk: Arc<Disk>,
        limits: UploadLimits,
    ) -> Self {
        Self { store, clock, folder: data.uploads(), disk, limits, coming: Coming::default() }
    }

    /// The largest file taken, bytes.
    pub fn limit(&self) -> u64 {
        self.limits.file
    }

    /// What one user may have sent that is still kept, bytes; `None` for any amount.
    pub(crate) fn quota(&self) -> Option<u64> {
        self.limits.person
    }

    /// Starts one. `name` is cleaned of paths and control characters; `expected` bytes, where known, are checked
    /// against the limit, what `by` may still send, and the free space at once.
    ///
    /// # Errors
    /// `Error::TooLarge`, `Error::Quota`, `Error::Full`, `Error::Database`, `Error::Io`.
    pub async fn begin(&self, name: &str, expected: Option<u64>, by: &Attribution) -> Result<UploadWriter> {
        let expected = expected.unwrap_or(0);
        if expected > self.limits.file {
            return Err(Error::TooLarge(self.limits.file));
        }
        let quota = match self.limits.person {
            None => None,
            Some(limit) => {
                let used = self.store.bytes_sent_by(&by.name).await?;
                let coming = Arc::clone(&self.coming);
                Some(Quota { by: by.name.to_string(), used, limit, coming, size: 0 })
            }
        };
        if let Some(quota) = &quota {
            drop(quota.check(expected)?);
        }
        self.disk.check(expected)?;
        let budget = WriteBudget::new(Arc::clone(&self.disk), u64::MAX);
        let id = format!("{:032x}", rand::random::<u128>());
        let part = self.folder.join(format!("{id}.part"));
        let file = File::create_new(&part).await.map_err(|error| failed("starting an upload", error))?;
        let (uploads, by) = (self.clone(), by.clone());
        Ok(UploadWriter { uploads, id, name: cleaned(name), by, quota, budget, part, file, size: 0, finished: false })
    }

    /// A finished one, whose file is there as it came.
    ///
    /// # Errors
    /// `Error::NoSuchUpload`.
    pub async fn get(&self, id: &str) -> Result<Upload> {
        if !is_id(id) {
            return Err(Error::NoSuchUpload(id.chars().take(40).collect()));
        }
        let upload = self.upload_of(self.store.upload(id).await?);
        match tokio::fs::metadata(&upload.path).await {
            Ok(file) if file.len() == upload.size => Ok(upload),
            Ok(_) => Err(Error::NoSuchUpload(upload.id)),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(Error::NoSuchUpload(upload.id)),
            Err(error) => Err(Error::of_io("looking at an upload", error)),
        }
    }

    /// Removes uploads that no job refers to and that came before `before`, and what is left of broken ones.
    pub(crate) async fn sweep(&self, before: model::Micros) -> Result<()> {
        let swept = self.store.sweep_uploads(before).await?;
        self.remove_files(&swept).await;
        let listing = |error| Error::of_io("listing the uploads", error);
        let mut files = tokio::fs::read_dir(&self.folder).await.map_err(listing)?;
        while let Some(file) = files.next_entry().await.map_err(listing)? {
            let old = file.metadata().await.is_ok_and(|about| is_older(&about, before));
            if old && is_part(&file.file_name().to_string_lossy()) {
                remove(&file.path()).await;
            }
        }
        Ok(())
    }

    /// Removes the files of uploads that the store has forgotten.
    pub(crate) async fn remove_files(&self, uploads: &[String]) {
        for id in uploads {
            remove(&self.folder.join(id)).await;
        }
    }

    fn upload_of(&self, row: UploadRow) -> Upload {
        Upload { path: self.folder.join(&row.id), id: row.id, name: row.name, size: row.size }
    }
}

/// An upload on its way to disk. Dropped without [`UploadWriter::finish`], what was written is removed.
pub struct UploadWriter {
    uploads: Uploads,
    id: String,
    name: String,
    by: Attribution,
    quota: Option<Quota>,
    /// An upload must not be what stops the database.
    budget: WriteBudget,
    part: PathBuf,
    file: File,
    size: u64,
    finished: bool,
}

impl UploadWriter {
    /// Appends; `Error::TooLarge` above the limit, `Error::Quota` above what its sender may have, `Error::Full` on a
    /// full disk.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.size += bytes.len() as u64;
        if self.size > self.uploads.limits.file {
            return Err(Error::TooLarge(self.uploads.limits.file));
        }
        if let Some(quota) = &mut self.quota {
            quota.take(bytes.len() as u64)?;
        }
        let failed = |error| Error::of_io("writing an upload", error);
        self.budget.take(bytes.len() as u64).map_err(failed)?;
        self.file.write_all(bytes).await.map_err(failed)
    }

    /// Syncs and registers it; `Error::Quota` where others that came meanwhile have left no room for it.
    pub async fn finish(mut self) -> Result<Upload> {
        let path = self.uploads.folder.join(&self.id);
        let settled = async {
            self.file.flush().await?;
            self.file.sync_all().await?;
            tokio::fs::rename(&self.part, &path).await?;
            // The name must survive a power loss as the bytes do.
            File::open(&self.uploads.folder).await?.sync_all().await
        };
        settled.await.map_err(|error| failed("finishing an upload", error))?;
        self.part.clone_from(&path);
        let row = UploadRow {
            id: self.id.clone(),
            name: self.name.clone(),
            size: self.size,
            at: self.uploads.clock.now(),
            by: Some(self.by.name.to_string()),
        };
        let quota = UploadQuota { bytes: self.uploads.limits.person, ..UploadQuota::default() };
        self.uploads.store.save_upload(row.clone(), &self.by, quota).await?;
        self.finished = true;
        Ok(self.uploads.upload_of(row))
    }
}

/// The quota of a user, and the part of it that this upload takes until it is stored or dropped.
struct Quota {
    by: String,
    /// Bytes kept when the upload began.
    used: u64,
    /// Bytes that may be kept.
    limit: u64,
    /// Many uploads at once must not fill the disk with what none of them could keep.
    coming: Coming,
    /// Its own bytes of these.
    size: u64,
}

impl Quota {
    /// Checks that `more` bytes have room beside all that is stored and on its way; returns the latter, which no one
    /// changes meanwhile.
    fn check(&self, more: u64) -> Result<MutexGuard<'_, HashMap<String, u64>>> {
        let coming = self.coming();
        let used = self.used.saturating_add(coming.get(&self.by).copied().unwrap_or(0));
        if used.saturating_add(more) > self.limit {
            return Err(Error::Quota { used: used - self.size, limit: self.limit });
        }
        Ok(coming)
    }

    fn take(&mut self, more: u64) -> Result<()> {
        let mut coming = self.check(more)?;
        *coming.entry(self.by.clone()).or_default() += more;
        drop(coming);
        self.size += more;
        Ok(())
    }

    fn coming(&self) -> MutexGuard<'_, HashMap<String, u64>> {
        self.coming.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Quota {
    fn drop(&mut self) {
        let mut coming = self.coming();
        if let Some(bytes) = coming.get_mut(&self.by) {
            *bytes -= self.size;
            if *bytes == 0 {
                coming.remove(&self.by);
            }
        }
    }
}

impl Drop for UploadWriter {
    fn drop(&mut self) {
        if !self.finished
            && let Err(error) = std::fs::remove_file(&self.part)
            && error.kind() != ErrorKind::NotFound
        {
            tracing::warn!(path = %self.part.display(), %error, "cannot remove an unfinished upload");
        }
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

/// Removes what uploads had written that an earlier server was taking in. There must be no other server.
pub(crate) fn remove_parts(data: &DataDir) {
    for file in std::fs::read_dir(data.uploads()).into_iter().flatten().flatten() {
        if is_part(&file.file_name().to_string_lossy())
            && let Err(error) = std::fs::remove_file(file.path())
        {
            tracing::warn!(path = %file.path().display(), %error, "cannot remove an unfinished upload");
        }
    }
}

/// Whether `name` is that of an upload on its way in.
fn is_part(name: &str) -> bool {
    name.strip_suffix(".part").is_some_and(is_id)
}

/// Whether `text` is an id of an upload.
pub(crate) fn is_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether a file was last written before a time.
pub(crate) fn is_older(about: &std::fs::Metadata, than: model::Micros) -> bool {
    let at = about.modified().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    at.is_some_and(|at| i64::try_from(at.as_micros()).is_ok_and(|at| at < than.0))
}

/// The last part of a path of either kind, printable, not too long.
fn cleaned(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean: String = last.chars().filter(|c| !model::is_unprintable(*c)).take(NAME_LENGTH).collect();
    let clean = clean.trim();
    if clean.is_empty() || clean.chars().all(|c| c == '.') { "unnamed".to_owned() } else { clean.to_owned() }
}

/// The error of a file operation; the folder of uploads may have been removed under the running server.
fn failed(what: &str, error: std::io::Error) -> Error {
    if error.kind() == ErrorKind::NotFound { Error::Gone } else { Error::of_io(what, error) }
}

async fn remove(path: &Path) {
    if let Err(error) = tokio::fs::remove_file(path).await
        && error.kind() != ErrorKind::NotFound
    {
        tracing::warn!(path = %path.display(), %error, "cannot remove an upload");
    }
}
