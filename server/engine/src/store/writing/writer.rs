//! The handle to the writer: sends calls to its thread and waits for their answers.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use model::{JobId, JobView};
use tokio::sync::mpsc;

use super::{
    Buffered, Pending, WriteBackend,
    actor::Actor,
    batch::{Call, Command},
};
use crate::{
    Error, Health, Result,
    runtime::health::{Part, timer_runtime},
    store::{CheckpointOutcome, Claim, Claimed, Finish, NewJob, SaveCheckpoint},
};

/// Calls that may wait for the writer before callers wait themselves: the back-pressure.
const CALLS_IN_WAITING: usize = 1024;

/// The handle that callers hold. Dropping it commits what is buffered and closes the database.
pub(in crate::store) struct Writer<B: WriteBackend> {
    /// `None` once dropping.
    calls: Option<mpsc::Sender<Call<B::Command>>>,
    buffered: Arc<Mutex<Buffered>>,
    thread: Option<thread::JoinHandle<()>>,
    health: Arc<Health>,
}

impl<B: WriteBackend> Writer<B> {
    /// Starts the thread on `backend`.
    pub(in crate::store) fn start(backend: B, health: Arc<Health>) -> Result<Self> {
        let (sender, calls) = mpsc::channel(CALLS_IN_WAITING);
        let buffered = Arc::<Mutex<Buffered>>::default();
        let actor = Actor::new(backend, calls, Arc::clone(&buffered), Arc::clone(&health));
        let waker = sender.downgrade();
        let knock = move || {
            // A full channel means that the thread has reason to wake anyway.
            let _ = waker.upgrade().map(|calls| calls.try_send(Call::Knock));
        };
        let work = move |part: &Part| timer_runtime().block_on(actor.run(part));
        let thread = health
            .spawn_thread("store writer", Some(Box::new(knock)), work)
            .map_err(|error| Error::of_io("starting the store's writer", error))?;
        Ok(Self { calls: Some(sender), buffered, thread: Some(thread), health })
    }

    pub(in crate::store) async fn enqueue(&self, job: NewJob) -> Result<JobId> {
        self.call(job, |pending| Call::Enqueue(Box::new(pending))).await
    }

    pub(in crate::store) async fn claim(&self, claim: Claim) -> Result<Vec<Claimed>> {
        self.call(claim, |pending| Call::Claim(Box::new(pending))).await
    }

    pub(in crate::store) async fn save_checkpoint(&self, save: SaveCheckpoint) -> Result<CheckpointOutcome> {
        self.call(save, |pending| Call::SaveCheckpoint(Box::new(pending))).await
    }

    pub(in crate::store) async fn finish(&self, finish: Finish) -> Result<JobView> {
        self.call(finish, |pending| Call::Finish(Box::new(pending))).await
    }

    /// Returns once everything that was buffered before is durable.
    pub(in crate::store) async fn flush(&self) -> Result<()> {
        self.call((), Call::Flush).await
    }

    /// Sends an infrequent command; `boxed` makes it one of this database.
    pub(in crate::store) async fn command<I, A>(
        &self,
        input: I,
        boxed: impl FnOnce(Pending<I, A>) -> Box<B::Command>,
    ) -> Result<A> {
        self.call(input, |pending| Call::Command(boxed(pending))).await
    }

    /// Wakes the writer when other processes have written.
    pub(in crate::store) fn waker(&self) -> WriterWaker<B::Command> {
        WriterWaker(self.calls.as_ref().map(mpsc::Sender::downgrade))
    }

    /// Adds buffered writes.
    pub(in crate::store) fn buffer(&self, add: impl FnOnce(&mut Buffered)) {
        let mut buffered = lock(&self.buffered);
        let was_empty = buffered.is_empty();
        add(&mut buffered);
        let wake = was_empty && !buffered.is_empty();
        drop(buffered);
        if wake && let Some(calls) = &self.calls {
            // A full channel means that a transaction is near, which will take them along.
            let _ = calls.try_send(Call::Buffered);
        }
    }

    async fn call<I, A>(&self, input: I, call: impl FnOnce(Pending<I, A>) -> Call<B::Command>) -> Result<A> {
        let calls = self.calls.as_ref().ok_or(Error::ShuttingDown)?;
        let (pending, answer) = Pending::new(input);
        calls.send(call(pending)).await.map_err(|_| Error::ShuttingDown)?;
        answer.await.map_err(|_| Error::ShuttingDown)?
    }
}

impl<B: WriteBackend> Drop for Writer<B> {
    fn drop(&mut self) {
        self.health.expect_ends();
        self.calls = None;
        // The last owner may be the listener, which the writer itself calls.
        if let Some(thread) = self.thread.take().filter(|thread| thread.thread().id() != thread::current().id()) {
            let _ = thread.join();
        }
    }
}

/// Wakes the writer when other processes have written. Does not keep it alive.
pub(in crate::store) struct WriterWaker<C: Command + ?Sized>(Option<mpsc::WeakSender<Call<C>>>);

impl<C: Command + ?Sized> WriterWaker<C> {
    /// Returns whether the writer received it; if not, it is busy, or gone.
    pub(in crate::store) fn wake(&self) -> bool {
        let calls = self.0.as_ref().and_then(mpsc::WeakSender::upgrade);
        calls.is_some_and(|calls| calls.try_send(Call::OthersWrote).is_ok())
    }
}

pub(super) fn lock(buffered: &Mutex<Buffered>) -> MutexGuard<'_, Buffered> {
    // Nothing panics while it is held; were it so, what is in it would still be whole.
    buffered.lock().unwrap_or_else(PoisonError::into_inner)
}
