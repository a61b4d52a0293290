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

/// The folder, which is made when it is first wanted.
#[derive(Clone)]
pub(crate) struct AttemptFolder(Arc<Folder>);

struct Folder {
    path: PathBuf,
    wanted: AtomicBool,
    made: AtomicBool,
    /// Held by who makes it, which is done once: it begins with a removal.
    making: Mutex<()>,
}

impl AttemptFolder {
    /// Names it.
    pub(crate) fn new(path: PathBuf) -> Self {
        let (wanted, made) = (AtomicBool::new(false), AtomicBool::new(false));
        Self(Arc::new(Folder { path, wanted, made, making: Mutex::default() }))
    }

    /// Where it is, or will be.
    pub(crate) fn path(&self) -> &Path {
        &self.0.path
    }

    /// Whether it has been asked for: something of it may be there.
    pub(crate) fn is_wanted(&self) -> bool {
        self.0.wanted.load(Ordering::Acquire)
    }

    /// Whether it is there.
    pub(crate) fn is_made(&self) -> bool {
        self.0.made.load(Ordering::Acquire)
    }

    /// Makes it unless that has been done, and then has `keep` see to it.
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

/// Makes the folder, empty. No other attempt of this number is alive, but there may have been one: where an older copy
/// of the database was put in place, numbers of jobs and attempts come again, and files of theirs may have stayed.
fn make_anew(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        other => other?,
    }
    match fs::create_dir_all(folder) {
        // An earlier attempt may be removing its empty folder, in which this one lies, at this moment.
        Err(error) if error.kind() == ErrorKind::NotFound => fs::create_dir_all(folder),
        other => other,
    }
}
