//! The blocking pool: a bounded number of threads for work that blocks.

use std::{
    num::NonZero,
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
};

use crate::{Error, Result};

type Work = Box<dyn FnOnce() + Send>;

/// Threads that run work in the order of submission. They end when the pool is dropped and the work is done.
///
/// Not tokio's blocking pool: that one grows to hundreds of threads, and a task that hashes a disk must not slow down
/// the whole machine.
#[derive(Clone)]
pub(crate) struct Pool {
    work: mpsc::Sender<Work>,
    threads: usize,
}

impl Pool {
    /// Starts `threads` threads; `None` for one per core.
    pub(crate) fn start(threads: Option<usize>) -> Result<Self> {
        let cores = || thread::available_parallelism().map_or(2, NonZero::get);
        let threads = threads.unwrap_or_else(cores).max(1);
        let (work, queue) = mpsc::channel::<Work>();
        let queue = Arc::new(Mutex::new(queue));
        for number in 1..=threads {
            let queue = Arc::clone(&queue);
            thread::Builder::new()
                .name(format!("blocking-{number}"))
                .spawn(move || take_work(&queue))
                .map_err(|source| Error::Io { what: "starting a thread for blocking work".to_owned(), source })?;
        }
        Ok(Self { work, threads })
    }

    /// Submits work, which must not panic.
    pub(crate) fn submit(&self, work: impl FnOnce() + Send + 'static) {
        // The threads live as long as any sender does.
        let sent = self.work.send(Box::new(work));
        debug_assert!(sent.is_ok(), "the pool's threads outlive its handles");
    }

    /// Number of threads.
    pub(crate) fn threads(&self) -> usize {
        self.threads
    }
}

fn take_work(queue: &Mutex<mpsc::Receiver<Work>>) {
    loop {
        // Held while waiting: the next thread waits for the lock instead of the channel.
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match next {
            Ok(work) => work(),
            Err(mpsc::RecvError) => return,
        }
    }
}
