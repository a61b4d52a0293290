//! Health of the engine's own threads and service tasks, the *parts*. A part that panics or returns early is recorded
//! as a [`Failure`], and the process should end. A live part answers a health check within a few milliseconds.

use std::{
    io,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use futures_util::future::join_all;
use tokio::{
    runtime::{self, Runtime},
    sync::Notify,
    time::{Instant, timeout_at},
};

use crate::runtime::{flag::Flag, panics};

/// All parts of a process, and the first that ended early.
#[derive(Default)]
pub struct Health {
    parts: Mutex<Vec<Arc<Part>>>,
    failure: OnceLock<Failure>,
    failed: Flag,
    /// Whether parts may end, because the process shuts down.
    stopping: AtomicBool,
    trouble: Mutex<Option<Trouble>>,
}

/// A part that ended early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The part.
    pub part: &'static str,
    /// Its panic message, or that it returned.
    pub reason: String,
}

/// Why the newest write was refused. Readers are not affected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The disk is full.
    Full,
    /// A file has reached the size that the process may write.
    FileLimit,
    /// The disk is mounted read-only, or the process may not write to the file.
    ReadOnly,
    /// The database file was removed or replaced.
    Gone,
    /// The database file is damaged.
    Damaged,
}

impl Health {
    /// Returns the first failure, once there is one.
    pub async fn failed(&self) -> Failure {
        loop {
            if let Some(failure) = self.failure.get() {
                return failure.clone();
            }
            self.failed.raised().await;
        }
    }

    /// Checks every part; returns the names of those that do not answer `within` that time.
    pub async fn silent_parts(&self, within: Duration) -> Vec<&'static str> {
        let deadline = Instant::now() + within;
        let parts = self.parts().clone();
        let answers = parts.iter().map(|part| {
            let asked = part.ask();
            async move { timeout_at(deadline, part.answered(asked)).await.is_err().then_some(part.name) }
        });
        join_all(answers).await.into_iter().flatten().collect()
    }

    /// Why the newest write was refused; `None` after one that succeeded.
    pub fn trouble(&self) -> Option<Trouble> {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_trouble(&self, trouble: Option<Trouble>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    /// Records that a part has ended early; only the first one counts.
    pub(crate) fn fail(&self, part: &'static str, reason: String) {
        tracing::error!(part, reason, "a part of this process has ended");
        let _ = self.failure.set(Failure { part, reason });
        self.failed.raise();
    }

    /// Allows parts to end from now on.
    pub fn expect_ends(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    /// Makes `work` a part, to be spawned by the caller.
    pub fn supervise<W: Future<Output = ()> + Send>(
        self: &Arc<Self>,
        name: &'static str,
        work: W,
    ) -> impl Future<Output = ()> + Send + use<W> {
        let (health, part) = (Arc::clone(self), self.add(name, None));
        async move {
            let ended = panics::caught(part.answer_during(work)).await;
            health.remove(&part, ended);
        }
    }

    /// Starts a thread that is a part. It must call [`Part::answer`] whenever it wakes; `knock` wakes it.
    pub(crate) fn spawn_thread(
        self: &Arc<Self>,
        name: &'static str,
        knock: Option<Knock>,
        work: impl FnOnce(&Part) + Send + 'static,
    ) -> io::Result<thread::JoinHandle<()>> {
        let (health, part) = (Arc::clone(self), self.add(name, knock));
        thread::Builder::new().name(name.replace(' ', "-")).spawn(move || {
            let ended = panics::guard(|| work(&part));
            health.remove(&part, ended);
        })
    }

    fn add(&self, name: &'static str, knock: Option<Knock>) -> Arc<Part> {
        let part = Arc::new(Part {
            name,
            knock,
            asked: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            question: Notify::new(),
            answer: Notify::new(),
        });
        self.parts().push(Arc::clone(&part));
        part
    }

    fn remove(&self, part: &Arc<Part>, ended: Result<(), panics::Panicked>) {
        self.parts().retain(|other| !Arc::ptr_eq(other, part));
        match ended {
            Ok(()) if self.stopping.load(Ordering::Acquire) => {}
            Ok(()) => self.fail(part.name, "it returned although it was not asked to".to_owned()),
            Err(panicked) => {
                tracing::error!(part = part.name, trace = panicked.trace, "panicked: {}", panicked.message);
                self.fail(part.name, panicked.message);
            }
        }
    }

    fn parts(&self) -> MutexGuard<'_, Vec<Arc<Part>>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns a runtime for one thread, with timers and without I/O. It is made on that thread: one that could not be
/// started would drop it in an asynchronous context, which panics.
pub(crate) fn timer_runtime() -> Runtime {
    let runtime = runtime::Builder::new_current_thread().enable_time().build();
    runtime.expect("a runtime without I/O asks the system for nothing")
}

/// Wakes a thread so that it answers.
pub(crate) type Knock = Box<dyn Fn() + Send + Sync>;

/// One thread or service task. Checks and answers are counted, so that an answer covers all earlier checks.
pub(crate) struct Part {
    name: &'static str,
    knock: Option<Knock>,
    asked: AtomicU64,
    answered: AtomicU64,
    question: Notify,
    answer: Notify,
}

impl Part {
    /// Answers the checks since the last call. Costs two atomic loads if there were none.
    pub(crate) fn answer(&self) {
        let asked = self.asked.load(Ordering::Acquire);
        if self.answered.load(Ordering::Relaxed) != asked {
            self.answered.store(asked, Ordering::Release);
            self.answer.notify_waiters();
        }
    }

    /// Runs `work`, and answers checks while it waits.
    pub(crate) async fn answer_during<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = self.question.notified() => self.answer(),
            }
        }
    }

    fn ask(&self) -> u64 {
        let asked = self.asked.fetch_add(1, Ordering::AcqRel) + 1;
        self.question.notify_one();
        if let Some(knock) = &self.knock {
            knock();
        }
        asked
    }

    /// Waits for the answer to check number `asked`.
    async fn answered(&self, asked: u64) {
        loop {
            let mut answer = std::pin::pin!(self.answer.notified());
            answer.as_mut().enable();
            if self.answered.load(Ordering::Acquire) >= asked {
                return;
            }
            answer.await;
        }
    }
}
