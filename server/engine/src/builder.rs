//! Puts an engine together.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicU32},
    time::Duration,
};

use tokio::{runtime::Handle, sync::Notify};

use crate::{
    Clock, DataDir, Engine, Error, Listener, Result, Roots, SystemClock, Task, Uploads, dispatcher,
    flag::Flag,
    janitor,
    live::Live,
    node_lock::NodeLock,
    pool::Pool,
    registry::Registering,
    sampler,
    shared::Shared,
    store::{BootId, SqliteOptions, SqliteStore, Store},
};

/// Collects what an engine needs.
pub struct Builder {
    data: DataDir,
    tasks: Registering,
    roots: Vec<PathBuf>,
    listener: Option<Arc<dyn Listener>>,
    concurrency: u32,
    blocking_threads: Option<usize>,
    cancel_grace: Duration,
    checkpoint_every: Duration,
    upload_limit: u64,
    clock: Arc<dyn Clock>,
    tasks_on: Option<Handle>,
    max_page_count: Option<u32>,
}

impl Builder {
    pub(crate) fn new(data: PathBuf) -> Self {
        Self {
            data: DataDir::new(data),
            tasks: Registering::default(),
            roots: Vec::new(),
            listener: None,
            concurrency: 8,
            blocking_threads: None,
            cancel_grace: Duration::from_secs(10),
            checkpoint_every: Duration::from_secs(1),
            upload_limit: 2 << 30,
            clock: Arc::new(SystemClock),
            tasks_on: None,
            max_page_count: None,
        }
    }

    /// Adds a task.
    ///
    /// # Panics
    /// If its kind is registered already, or its input has a field that no form can show: mistakes of the program.
    #[must_use]
    pub fn register<T: Task>(mut self, task: T) -> Self {
        self.tasks.add(task);
        self
    }

    /// Folders that tasks may read; without any, `DATA/files`, which is then created.
    #[must_use]
    pub fn roots(mut self, roots: Vec<PathBuf>) -> Self {
        self.roots = roots;
        self
    }

    /// Who hears events and progress.
    #[must_use]
    pub fn listener(mut self, listener: Arc<dyn Listener>) -> Self {
        self.listener = Some(listener);
        self
    }

    /// Jobs at once, all kinds together; 1 to 10,000, 8 by default.
    #[must_use]
    pub fn concurrency(mut self, jobs: u32) -> Self {
        self.concurrency = jobs.clamp(1, 10_000);
        self
    }

    /// Threads for blocking work; by default as many as the machine has cores.
    #[must_use]
    pub fn blocking_threads(mut self, threads: usize) -> Self {
        self.blocking_threads = Some(threads);
        self
    }

    /// How long a task may take to stop before it is dropped (async) or shown as not responding (blocking); 10 s by default.
    #[must_use]
    pub fn cancel_grace(mut self, grace: Duration) -> Self {
        self.cancel_grace = grace;
        self
    }

    /// How often tasks are told that a checkpoint is due; every second by default. That is how much work a crash costs.
    #[must_use]
    pub fn checkpoint_every(mut self, interval: Duration) -> Self {
        self.checkpoint_every = interval;
        self
    }

    /// The largest upload, bytes; 2 GiB by default.
    #[must_use]
    pub fn upload_limit(mut self, bytes: u64) -> Self {
        self.upload_limit = bytes;
        self
    }

    /// The wall clock; the machine's by default.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The runtime that tasks run on; the current one by default. With one of their own, tasks that hold their threads
    /// hold up nothing else.
    #[must_use]
    pub fn tasks_on(mut self, runtime: Handle) -> Self {
        self.tasks_on = Some(runtime);
        self
    }

    /// The database's size limit in pages of 4 KiB, for tests of a full disk.
    #[must_use]
    pub fn max_page_count(mut self, pages: u32) -> Self {
        self.max_page_count = Some(pages);
        self
    }

    /// Opens the store (migrating it), settles the jobs of dead processes, and starts to work.
    ///
    /// # Errors
    /// `Error::Unusable`, `Error::Io`, `Error::Path` (a root), `Error::Database`; nothing runs then.
    pub async fn open(self) -> Result<Engine> {
        let data = self.data;
        for folder in [data.path().to_owned(), data.nodes(), data.uploads()] {
            create(&folder)?;
        }
        let roots = if self.roots.is_empty() {
            create(&data.files())?;
            vec![data.files()]
        } else {
            self.roots
        };
        let roots = Roots::new(&roots)?;
        let boot = BootId(format!("{:032x}", rand::random::<u128>()));
        let lock = NodeLock::take(&data, &boot)?;
        let options = SqliteOptions {
            imports: Some(data.imports()),
            clock: Arc::clone(&self.clock),
            listener: self.listener.clone(),
            max_page_count: self.max_page_count,
            ..SqliteOptions::new(data.database())
        };
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(options).await?);
        janitor::settle_dead(store.as_ref(), &data, &boot).await?;
        let service = Handle::current();
        let shared = Arc::new(Shared {
            uploads: Uploads::new(Arc::clone(&store), Arc::clone(&self.clock), &data, self.upload_limit),
            store,
            registry: self.tasks.freeze(),
            listener: self.listener,
            clock: self.clock,
            data,
            roots,
            pool: Pool::start(self.blocking_threads)?,
            boot,
            tasks: self.tasks_on.unwrap_or_else(|| service.clone()),
            service: service.clone(),
            concurrency: self.concurrency,
            cancel_grace: self.cancel_grace,
            checkpoint_every: self.checkpoint_every,
            live: Live::default(),
            running: AtomicU32::new(0),
            slot_freed: Notify::new(),
            rescheduled: Notify::new(),
            stopping: Flag::default(),
            dispatched: Flag::default(),
        });
        sampler::start(&shared)?;
        service.spawn(dispatcher::dispatch(Arc::clone(&shared)));
        service.spawn(dispatcher::promote(Arc::clone(&shared)));
        service.spawn(janitor::keep_up(Arc::clone(&shared)));
        let sweeping = Arc::clone(&shared);
        service.spawn_blocking(move || {
            if let Err(error) = janitor::sweep_folders(&sweeping) {
                tracing::warn!(%error, "cannot sweep the files of deleted jobs; the next start tries again");
            }
        });
        Ok(Engine::new(shared, lock))
    }
}

fn create(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|error| {
        Error::Unusable(format!("cannot create {}: {error}; choose another data directory", folder.display()))
    })
}
