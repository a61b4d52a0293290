//! Watcher: a thread that polls the version of the file and wakes the writer when other processes have written.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use rusqlite::{Connection, OpenFlags};

use super::{OtherProcesses, SqliteOptions, backend::PendingCommand, statement};
use crate::{Error, Result, runtime::health::Part, store::writing::WriterWaker};

/// The polling interval while something happens, while nothing has for [`CALM_AFTER`], and while no other process is
/// registered. A poll costs little, but waking the thread for it costs up to 0.1 ms.
const BUSY: Duration = Duration::from_millis(20);
const CALM: Duration = Duration::from_millis(60);
const ALONE: Duration = Duration::from_millis(250);
/// How long nothing must have happened to be calm: longer than the interval of saved progress, and far shorter than
/// that of heartbeats.
const CALM_AFTER: Duration = Duration::from_millis(700);
/// The shortest interval between two reads of the progress of jobs that run elsewhere.
const PROGRESS: Duration = Duration::from_millis(50);
/// How long a poll waits for a lock; readers hardly ever do.
const BUSY_TIMEOUT: Duration = Duration::from_secs(1);

/// Why the thread is woken before its time.
enum Wake {
    /// A health check.
    Knock,
    /// The end of the store.
    End,
}

/// The handle of the thread, which runs until it is dropped.
pub(super) struct Watcher {
    wakes: mpsc::Sender<Wake>,
}

impl Watcher {
    /// Starts the thread on the file at `options.path`, on behalf of a process that has published its listener of
    /// events up to `published`.
    pub(super) fn start(
        options: &SqliteOptions,
        others: OtherProcesses,
        published: Arc<AtomicI64>,
        writer: WriterWaker<dyn PendingCommand>,
    ) -> Result<Self> {
        let connection = Connection::open_with_flags(&options.path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        let (wakes, woken) = mpsc::channel();
        let knocks = wakes.clone();
        let knock = move || {
            // A thread that has ended is reported without a check.
            let _ = knocks.send(Wake::Knock);
        };
        let now = Instant::now();
        let watch = Watch {
            connection,
            others,
            published,
            writer,
            version: 0,
            moved: now,
            changed: true,
            alone: false,
            woken_at: now,
        };
        options
            .health
            .spawn_thread("store watcher", Some(Box::new(knock)), move |part| watch.run(part, &woken))
            .map_err(|error| Error::of_io("starting the store's watcher", error))?;
        Ok(Self { wakes })
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        // The thread may have ended already.
        let _ = self.wakes.send(Wake::End);
    }
}

struct Watch {
    connection: Connection,
    others: OtherProcesses,
    published: Arc<AtomicI64>,
    writer: WriterWaker<dyn PendingCommand>,
    /// The version of the file at the last poll.
    version: i64,
    /// When the version last changed.
    moved: Instant,
    /// Whether it has changed since the writer was woken.
    changed: bool,
    /// Whether no other process was registered at the last poll.
    alone: bool,
    woken_at: Instant,
}

impl Watch {
    fn run(mut self, part: &Part, woken: &mpsc::Receiver<Wake>) {
        loop {
            part.answer();
            match woken.recv_timeout(self.interval()) {
                Ok(Wake::End) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(Wake::Knock) | Err(RecvTimeoutError::Timeout) => {}
            }
            if let Err(error) = self.poll() {
                tracing::debug!(%error, "cannot read the version of the database; trying again");
            }
        }
    }

    fn interval(&self) -> Duration {
        if self.alone {
            ALONE
        } else if self.moved.elapsed() < CALM_AFTER {
            BUSY
        } else {
            CALM
        }
    }

    /// Polls the version of the file. It changes with this process's own commits, too; most polls end here.
    fn poll(&mut self) -> Result<()> {
        let version = self.number("pragma data_version")?;
        if version != self.version {
            (self.version, self.moved, self.changed) = (version, Instant::now(), true);
        }
        if !self.changed {
            return Ok(());
        }
        let events = self.number("select seq from ledger")? > self.published.load(Ordering::Acquire);
        let company = "select 1 from node where boot <> ? limit 1";
        self.alone = statement::row(&self.connection, company, [&self.others.own.0], |_| Ok(()))?.is_none();
        if !events && (self.alone || !self.others.progress) {
            self.changed = false;
        } else if (events || self.woken_at.elapsed() >= PROGRESS) && self.writer.wake() {
            self.changed = false;
            self.woken_at = Instant::now();
        }
        Ok(())
    }

    fn number(&self, sql: &str) -> Result<i64> {
        Ok(statement::row(&self.connection, sql, [], |row| Ok(row.get(0)?))?.unwrap_or_default())
    }
}
