//! The directory of the spool and the files of each run in it.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use super::{Acknowledged, Head};

/// The lifetime of a spooled run.
const LIFETIME: Duration = Duration::from_hours(14 * 24);

/// A directory that only its user can read.
#[derive(Clone, Debug)]
pub(crate) struct SpoolDirectory {
    path: PathBuf,
}

impl SpoolDirectory {
    /// Creates the directory if it is missing.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        Ok(Self { path: path.to_owned() })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Creates and locks the files of a run. One that another client has, or left behind, is not touched.
    pub(crate) fn create(&self, head: &Head) -> io::Result<RunFiles> {
        let mut stem = format!("{}.{}", head.kind, head.run);
        if self.path.join(format!("{stem}.head")).exists() {
            stem = format!("{stem}~{}", head.reporter);
        }
        // Locked before it has its name, so that no other client takes it for one whose client died.
        let new = self.path.join(format!("{stem}.new-{}", head.reporter));
        let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&new)?;
        file.try_lock().map_err(io::Error::from)?;
        file.write_all(&serde_json::to_vec(head)?)?;
        fs::rename(&new, self.path.join(format!("{stem}.head")))?;
        Ok(RunFiles { directory: self.path.clone(), stem, lock: Some(file) })
    }

    /// Returns the runs whose client is gone, locked by this one, the oldest first. Runs that are too old are removed.
    pub(crate) fn abandoned(&self) -> Vec<(RunFiles, Head)> {
        self.runs().into_iter().filter_map(|stem| self.take(stem)).collect()
    }

    /// Returns all runs: files, head, and whether the client of the run lives.
    pub(crate) fn list(&self) -> Vec<(RunFiles, Head, bool)> {
        let all = self.runs().into_iter().filter_map(|stem| {
            let files = RunFiles { directory: self.path.clone(), stem, lock: None };
            let head = files.head().ok()?;
            let lives = File::open(files.path("head")).is_ok_and(|file| file.try_lock_shared().is_err());
            Some((files, head, lives))
        });
        all.collect()
    }

    fn runs(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(&self.path) else { return Vec::new() };
        let mut runs: Vec<(SystemTime, String)> = entries
            .flatten()
            .filter_map(|entry| {
                let stem = entry.file_name().to_str()?.strip_suffix(".head")?.to_owned();
                Some((entry.metadata().and_then(|metadata| metadata.modified()).ok()?, stem))
            })
            .collect();
        runs.sort();
        runs.into_iter().map(|(_, stem)| stem).collect()
    }

    fn take(&self, stem: String) -> Option<(RunFiles, Head)> {
        let mut files = RunFiles { directory: self.path.clone(), stem, lock: None };
        let lock = File::options().read(true).write(true).open(files.path("head")).ok()?;
        match lock.try_lock() {
            Ok(()) => files.lock = Some(lock),
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => return None,
        }
        let Ok(head) = files.head() else {
            // Its client died while it wrote the head, and had started nothing.
            files.remove();
            return None;
        };
        if files.last_change().is_some_and(|changed| changed.elapsed().is_ok_and(|age| age > LIFETIME)) {
            files.remove();
            return None;
        }
        Some((files, head))
    }
}

/// The files of one run.
#[derive(Debug)]
pub(crate) struct RunFiles {
    directory: PathBuf,
    stem: String,
    /// The head, locked as long as this value lives.
    lock: Option<File>,
}

impl RunFiles {
    /// Returns the path of a file of this run.
    pub(crate) fn path(&self, extension: &str) -> PathBuf {
        self.directory.join(format!("{}.{extension}", self.stem))
    }

    /// Returns the path of the segment that begins with this entry.
    pub(crate) fn segment(&self, first: u64) -> PathBuf {
        self.path(&format!("{first}.ndjson"))
    }

    /// Returns the numbers of the first entries of all segments, sorted.
    pub(crate) fn segments(&self) -> io::Result<Vec<u64>> {
        let mut segments = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let name = entry?.file_name();
            let first = name.to_str().and_then(|name| {
                name.strip_prefix(&self.stem)?.strip_prefix('.')?.strip_suffix(".ndjson")?.parse::<u64>().ok()
            });
            segments.extend(first);
        }
        segments.sort_unstable();
        Ok(segments)
    }

    /// Reads how far the run is acknowledged; nothing if there is no file or it is torn.
    pub(crate) fn acknowledged(&self) -> Acknowledged {
        fs::read(self.path("ack")).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
    }

    /// Stores how far the run is acknowledged. A failure only means that entries are sent again.
    pub(crate) fn acknowledge(&self, acknowledged: &Acknowledged) {
        if let Ok(text) = serde_json::to_vec(acknowledged)
            && fs::write(self.path("ack.new"), text).is_ok()
        {
            let _ = fs::rename(self.path("ack.new"), self.path("ack"));
        }
    }

    /// Removes all files of the run, the head last.
    pub(crate) fn remove(&self) {
        for first in self.segments().unwrap_or_default() {
            let _ = fs::remove_file(self.segment(first));
        }
        for extension in ["ack.new", "ack", "report", "head"] {
            let _ = fs::remove_file(self.path(extension));
        }
    }

    fn head(&self) -> io::Result<Head> {
        Ok(serde_json::from_slice(&fs::read(self.path("head"))?)?)
    }

    fn last_change(&self) -> Option<SystemTime> {
        let segments = self.segments().ok()?;
        let newest = segments.last().map_or_else(|| self.path("head"), |first| self.segment(*first));
        fs::metadata(newest).and_then(|metadata| metadata.modified()).ok()
    }
}
