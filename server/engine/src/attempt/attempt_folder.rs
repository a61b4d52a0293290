//! The folder of an attempt, created empty when it is first needed.

use std::{
    fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::task::spawn_blocking;

/// A folder that is created on first use.
#[derive(Clone)]
pub(crate) struct AttemptFolder(Arc<Folder>);

struct Folder {
    path: PathBuf,
    wanted: AtomicBool,
    made: AtomicBool,
    /// Held while the folder is created, which happens once: it begins with a removal.
    making: Mutex<()>,
}

impl AttemptFolder {
    /// A folder at `path`; creates nothing.
    pub(crate) fn new(path: PathBuf) -> Self {
        let (wanted, made) = (AtomicBool::new(false), AtomicBool::new(false));
        Self(Arc::new(Folder { path, wanted, made, making: Mutex::default() }))
    }

    /// The path, whether it exists or not.
    pub(crate) fn path(&self) -> &Path {
        &self.0.path
    }

    /// Whether creation has begun: some of it may exist.
    pub(crate) fn is_wanted(&self) -> bool {
        self.0.wanted.load(Ordering::Acquire)
    }

    /// Whether it has been created.
    pub(crate) fn is_made(&self) -> bool {
        self.0.made.load(Ordering::Acquire)
    }

    /// Creates it on the first call, and then calls `keep`.
    pub(crate) async fn make(&self, keep: fn(&Path) -> io::Result<()>) -> io::Result<()> {
        self.0.wanted.store(true, Ordering::Release);
        if self.is_made() {
            return Ok(());
        }
        let own = self.clone();
        let made = spawn_blocking(move || own.make_now(keep));
        made.await.unwrap_or_else(|gone| Err(io::Error::other(gone)))
    }

    fn make_now(&self, keep: fn(&Path) -> io::Result<()>) -> io::Result<()> {
        let _turn = self.0.making.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_made() {
            return Ok(());
        }
        make_anew(self.path())?;
        keep(self.path())?;
        self.0.made.store(true, Ordering::Release);
        Ok(())
    }
}

/// Creates the folder, empty. No other attempt with this number is alive, but an earlier one may have left files: an
/// older copy of the database gives out the same numbers of jobs and attempts again.
fn make_anew(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        other => other?,
    }
    match fs::create_dir_all(folder) {
        // An earlier attempt may remove the empty parent folder at this moment.
        Err(error) if error.kind() == ErrorKind::NotFound => fs::create_dir_all(folder),
        other => other,
    }
}
