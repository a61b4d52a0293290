//! Builds and opens an engine: options, data directory, store, threads.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicU32},
    thread,
    time::Duration,
};

use tokio::{
    runtime::Handle,
    sync::{Notify, oneshot},
};

use crate::{
    Clock, DataDir, Declared, DeclaredTask, Engine, Error, Listener, Result, Roots, SystemClock, Task, Uploads,
    attempt::running::RunningAttempts,
    files::{disk::Disk, orphan_counts::OrphanCounts},
    maintenance::{orphan_files, sweep},
    nodes::{
        node_lock::{self, NodeLock},
        other_nodes::OtherNodes,
    },
    reports::{Reports, contact},
    runtime::{blocking_pool::Pool, flag::Flag, health::Health, scheduler_waker::SchedulerWaker},
    scheduling::scheduler,
    shared::Shared,
    store::{self, DeclaredRule, Node, OtherProcesses, Role, SqliteOptions, SqliteStore, Store, WorkerId},
    task::registry::Registering,
    uploads::{self, UploadLimits},
    worker::{dispatcher, liveness, relay::Relay, sampler},
};

/// Options of an engine.
pub struct Builder {
    data: DataDir,
    tasks: Registering,
    roots: Vec<PathBuf>,
    listener: Option<Arc<dyn Listener>>,
    concurrency: u32,
    blocking_threads: Option<usize>,
    cancel_grace: Duration,
    checkpoint_every: Duration,
    heartbeat: Duration,
    lease: Duration,
    uploads: UploadLimits,
    clock: Arc<dyn Clock>,
    tasks_on: Option<Handle>,
    max_page_count: Option<u32>,
    role: Role,
    migrates: bool,
    accounts: bool,
    sweep_orphans: bool,
    write_limit: u64,
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
            heartbeat: Duration::from_secs(10),
            lease: Duration::from_secs(30),
            uploads: UploadLimits { file: 2 << 30, person: None },
            clock: Arc::new(SystemClock),
            tasks_on: None,
            max_page_count: None,
            role: Role::Server,
            migrates: true,
            accounts: false,
            sweep_orphans: false,
            write_limit: 1 << 40,
        }
    }

    /// Adds a task.
    ///
    /// # Panics
    /// If its kind is registered already, or a form cannot show one of its input fields: errors in the program.
    #[must_use]
    pub fn register<T: Task>(mut self, task: T) -> Self {
        self.tasks.add(task);
        self
    }

    /// Adds a task that is declared at run time.
    ///
    /// # Errors
    /// `Error::Unusable`: its name is invalid or in use, or a form cannot show one of its fields.
    pub fn register_declared(mut self, declared: Declared, task: impl DeclaredTask) -> Result<Self> {
        let kind = declared.kind.clone();
        let entry = declared.entry(task)?;
        if !self.tasks.add_declared(entry) {
            return Err(Error::Unusable(format!("a task named {kind} is registered already; choose another name")));
        }
        Ok(self)
    }

    /// The folders that tasks may read; by default `DATA/files`, which is then created.
    #[must_use]
    pub fn roots(mut self, roots: Vec<PathBuf>) -> Self {
        self.roots = roots;
        self
    }

    /// The listener for events and progress.
    #[must_use]
    pub fn listener(mut self, listener: Arc<dyn Listener>) -> Self {
        self.listener = Some(listener);
        self
    }

    /// Joins the processes that already work on the data directory, and runs jobs beside them. The database must exist
    /// and be up to date: this process neither migrates it nor cleans up.
    #[must_use]
    pub fn joining(mut self) -> Self {
        self.role = Role::Worker;
        self.without_migrating()
    }

    /// Does not migrate: a database that is missing or older than this build is `Error::NotReady`.
    #[must_use]
    pub fn without_migrating(mut self) -> Self {
        self.migrates = false;
        self
    }

    /// Concurrent jobs in this process, of all kinds; at most 10,000, 8 by default. With 0 it runs no jobs.
    #[must_use]
    pub fn concurrency(mut self, jobs: u32) -> Self {
        self.concurrency = jobs.min(10_000);
        self
    }

    /// Heartbeat interval of this process, and its lease: the time without a heartbeat after which others take its
    /// jobs. 10 s and 30 s by default. A lease is at least three heartbeats.
    #[must_use]
    pub fn lease(mut self, heartbeat: Duration, lease: Duration) -> Self {
        (self.heartbeat, self.lease) = (heartbeat, lease);
        self
    }

    /// Threads for blocking work; by default one per core.
    #[must_use]
    pub fn blocking_threads(mut self, threads: usize) -> Self {
        self.blocking_threads = Some(threads);
        self
    }

    /// How long a task may take to stop before it is dropped (async) or shown as not responding (blocking); 10 s by
    /// default.
    #[must_use]
    pub fn cancel_grace(mut self, grace: Duration) -> Self {
        self.cancel_grace = grace;
        self
    }

    /// Interval of checkpoints; a second by default. A crash loses that much work.
    #[must_use]
    pub fn checkpoint_every(mut self, interval: Duration) -> Self {
        self.checkpoint_every = interval;
        self
    }

    /// The largest upload, bytes; 2 GiB by default.
    #[must_use]
    pub fn upload_limit(mut self, bytes: u64) -> Self {
        self.uploads.file = bytes;
        self
    }

    /// Upload quota per user, bytes; unlimited by default.
    #[must_use]
    pub fn upload_quota(mut self, bytes: u64) -> Self {
        self.uploads.person = Some(bytes);
        self
    }

    /// Bytes that one attempt may write to the disk; 1 TiB by default.
    #[must_use]
    pub fn write_limit(mut self, bytes: u64) -> Self {
        self.write_limit = bytes;
        self
    }

    /// Starts the runs of a schedule only if its owner has an account and may start them; by default, all runs start.
    #[must_use]
    pub fn with_accounts(mut self) -> Self {
        self.accounts = true;
        self
    }

    /// Sweeps all orphan files, however many there are; by default, only a few.
    #[must_use]
    pub fn sweep_orphans(mut self) -> Self {
        self.sweep_orphans = true;
        self
    }

    /// The wall clock; by default that of the machine.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The runtime that tasks run on; the current one by default. With a separate runtime, tasks that block their
    /// threads delay nothing else.
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

    /// Opens the store (and migrates it, unless disabled), settles the jobs of dead processes, and starts work.
    ///
    /// # Errors
    /// `Error::Unusable`, `Error::NotReady` (only without migration), `Error::Io`, `Error::Path` (a root),
    /// `Error::Database`; then nothing runs.
    pub async fn open(self) -> Result<Engine> {
        if self.heartbeat.is_zero() || self.lease < 3 * self.heartbeat {
            return Err(Error::Unusable(
                "a lease must be at least three heartbeats, and a heartbeat more than 0 s".into(),
            ));
        }
        let data = self.data;
        let joins = self.role == Role::Worker;
        if joins && !data.path().is_dir() {
            let message =
                format!("there is no data directory {}; start `milepost serve` on it first", data.path().display());
            return Err(Error::NotReady(message));
        }
        let disk = Arc::new(Disk::new(&data));
        disk.make_room_to_start();
        let roots = prepare(&data, self.roots, self.role, self.migrates)?;
        let worker = WorkerId(format!("{:032x}", rand::random::<u128>()));
        let live = Arc::<RunningAttempts>::default();
        let scheduler_waker = Arc::<SchedulerWaker>::default();
        let health = Arc::<Health>::default();
        let relay = Relay {
            live: Arc::clone(&live),
            scheduler_waker: Arc::clone(&scheduler_waker),
            listener: self.listener.clone(),
        };
        let options = SqliteOptions {
            imports: Some(data.imports()),
            clock: Arc::clone(&self.clock),
            listener: Some(Arc::new(relay)),
            others: Some(OtherProcesses { own: worker.clone(), progress: self.listener.is_some() }),
            max_page_count: self.max_page_count,
            migrate: self.migrates,
            disk: Some(Arc::clone(&disk)),
            health: Arc::clone(&health),
            ..SqliteOptions::new(data.database())
        };
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(options).await?);
        let node = Node {
            worker,
            host_boot_id: node_lock::host_boot_id(),
            pid: std::process::id(),
            role: self.role,
            concurrency: self.concurrency,
            lease: self.lease,
            heartbeat: 0,
        };
        // The lock comes before the row: a process that finds the row must find the lock held.
        let registry = self.tasks.freeze();
        let kinds: Vec<&str> = registry.catalogue().iter().map(|task| task.kind.as_str()).collect();
        let lock = NodeLock::take(&data, &node.worker, &kinds)?;
        store.register(node.clone()).await?;
        liveness::settle_dead(store.as_ref(), &data, &node).await?;
        if !joins {
            store.declare_rules(registry.catalogue().iter().map(DeclaredRule::from).collect()).await?;
        }
        let service = Handle::current();
        let shared = Arc::new(Shared {
            uploads: Uploads::new(Arc::clone(&store), Arc::clone(&self.clock), &data, Arc::clone(&disk), self.uploads),
            disk,
            write_limit: self.write_limit,
            store,
            registry,
            listener: self.listener,
            clock: self.clock,
            data,
            roots,
            orphans: OrphanCounts::default(),
            sweep_all_orphans: self.sweep_orphans,
            pool: Pool::start(self.blocking_threads)?,
            node,
            heartbeat: self.heartbeat,
            tasks: self.tasks_on.unwrap_or_else(|| service.clone()),
            service: service.clone(),
            other_nodes: OtherNodes::default(),
            cancel_grace: self.cancel_grace,
            checkpoint_every: self.checkpoint_every,
            health: Arc::clone(&health),
            live,
            running: AtomicU32::new(0),
            slot_freed: Notify::new(),
            rescheduled: Notify::new(),
            scheduler_waker,
            accounts: self.accounts,
            stopping: Flag::default(),
            dispatched: Flag::default(),
            leaving: Flag::default(),
            closed: Flag::default(),
        });
        let reports = Reports::adopt(Arc::clone(&shared), self.role == Role::Server).await?;
        begin_work(&shared, &reports, self.role).await?;
        Ok(Engine::new(shared, reports, lock))
    }
}

/// Creates the folders and checks access to them; returns the roots.
fn prepare(data: &DataDir, roots: Vec<PathBuf>, role: Role, migrates: bool) -> Result<Roots> {
    for folder in [data.path().to_owned(), data.nodes(), data.uploads()] {
        create(&folder)?;
    }
    if role == Role::Server {
        // There is no other server, so unfinished uploads belong to an earlier one.
        uploads::remove_parts(data);
    }
    // If this fails, opening the database reports the reason.
    if migrates && store::is_new_database(&data.database()).unwrap_or(false) {
        orphan_files::check_new_database(data)?;
    }
    if !roots.is_empty() {
        return Roots::new(&roots);
    }
    create(&data.files())?;
    Roots::new(&[data.files()])
}

/// Starts the threads and tasks of an engine.
async fn begin_work(shared: &Arc<Shared>, reports: &Arc<Reports>, role: Role) -> Result<()> {
    let serves = role == Role::Server;
    let sweeping = Arc::clone(shared);
    if serves {
        let (done, swept) = oneshot::channel();
        let sweep = move || {
            sweep::sweep_folders(&sweeping);
            // Dropped if no one waits for it.
            let _ = done.send(());
        };
        let thread = thread::Builder::new().name("folder-sweeper".to_owned()).spawn(sweep);
        thread.map_err(|error| Error::of_io("starting the sweep of folders", error))?;
        if shared.sweep_all_orphans {
            // Before any job begins: a new job may get a number of which there are files.
            let _ = swept.await;
        }
    }
    sampler::start(shared)?;
    liveness::start(shared)?;
    let (health, service) = (&shared.health, &shared.service);
    service.spawn(health.supervise("dispatcher", dispatcher::dispatch(Arc::clone(shared))));
    service.spawn(health.supervise("due jobs", dispatcher::promote(Arc::clone(shared))));
    if serves {
        service.spawn(health.supervise("contact with reporters", contact::watch(Arc::clone(reports))));
        service.spawn(health.supervise("scheduler", scheduler::run_scheduler(Arc::clone(shared))));
        service.spawn(health.supervise("upload sweeper", sweep::keep_up(Arc::clone(shared))));
    }
    Ok(())
}

fn create(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|error| {
        Error::Unusable(format!("cannot create {}: {error}; choose another data directory", folder.display()))
    })
}
