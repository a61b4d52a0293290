//! The thread that writes. Calls come in over a channel; whatever is waiting goes into one transaction, and the
//! answers go out after its commit, so that a hundred callers share one sync of the disk.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use model::{JobId, JobView};
use sqlx::{Connection, SqliteConnection};
use tokio::sync::{mpsc, oneshot};

use super::{
    soft::Soft,
    transaction::{Committed, Transaction},
    upkeep::Upkeep,
};
use crate::{
    Clock, Error, Listener, Result,
    store::{Claim, Claimed, Finish, NewJob},
};

/// Calls that may wait for the writer before callers wait themselves.
const CALLS_IN_WAITING: usize = 1024;
/// Calls in one transaction: enough to share the sync, few enough that nobody waits long.
const CALLS_PER_TRANSACTION: usize = 256;
/// How long soft writes may wait for a transaction to ride along with.
const SOFT_DELAY: Duration = Duration::from_millis(100);

/// A rare verb: runs alone within the transaction. Whatever it refuses, it must refuse before it writes.
pub(super) trait Verb: Send + 'static {
    /// What the caller gets.
    type Answer: Send + 'static;
    /// Does it.
    fn run(&self, transaction: &mut Transaction<'_>) -> impl Future<Output = Result<Self::Answer>> + Send;
}

/// A call that waits for its answer.
pub(super) struct Pending<I, A> {
    /// What was asked.
    pub(super) input: I,
    /// What to answer once the transaction is committed.
    pub(super) answer: Option<Result<A>>,
    reply: oneshot::Sender<Result<A>>,
}

/// A [`Pending`] rare verb of any type.
#[async_trait]
trait Work: Send {
    async fn run(&mut self, transaction: &mut Transaction<'_>) -> Result<()>;
    fn reply(self: Box<Self>);
    fn refuse(self: Box<Self>, error: Error);
}

/// What comes over the channel. Boxed, because the calls differ much in size.
enum Call {
    Enqueue(Box<Pending<NewJob, JobId>>),
    Claim(Box<PendingClaim>),
    Finish(Box<Pending<Finish, JobView>>),
    Rare(Box<dyn Work>),
    Flush(Pending<(), ()>),
    /// Something soft waits where nothing did.
    SoftWaits,
}

/// A claim and its answer.
type PendingClaim = Pending<Claim, Vec<Claimed>>;

/// The calls of one transaction.
#[derive(Default)]
struct Batch {
    enqueues: Vec<Pending<NewJob, JobId>>,
    claims: Vec<PendingClaim>,
    finishes: Vec<Pending<Finish, JobView>>,
    rare: Vec<Box<dyn Work>>,
    /// Answered when what is soft has been committed.
    flushes: Vec<Pending<(), ()>>,
}

/// The handle that callers hold.
pub(super) struct Writer {
    /// `None` once dropping.
    calls: Option<mpsc::Sender<Call>>,
    soft: Arc<Mutex<Soft>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread on `connection`.
    pub(super) fn start(
        connection: SqliteConnection,
        clock: Arc<dyn Clock>,
        listener: Option<Arc<dyn Listener>>,
    ) -> Result<Self> {
        let (sender, calls) = mpsc::channel(CALLS_IN_WAITING);
        let soft = Arc::<Mutex<Soft>>::default();
        let (waiting, upkeep) = (None, Upkeep::default());
        let actor = Actor { connection, clock, listener, calls, soft: Arc::clone(&soft), waiting, upkeep };
        let unusable = |error| Error::of_io("starting the store's writer", error);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(unusable)?;
        let thread = thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || runtime.block_on(actor.run()))
            .map_err(unusable)?;
        Ok(Self { calls: Some(sender), soft, thread: Some(thread) })
    }

    pub(super) async fn enqueue(&self, job: NewJob) -> Result<JobId> {
        self.ask(job, |pending| Call::Enqueue(Box::new(pending))).await
    }

    pub(super) async fn claim(&self, claim: Claim) -> Result<Vec<Claimed>> {
        self.ask(claim, |pending| Call::Claim(Box::new(pending))).await
    }

    pub(super) async fn finish(&self, finish: Finish) -> Result<JobView> {
        self.ask(finish, |pending| Call::Finish(Box::new(pending))).await
    }

    /// Returns once everything soft that was given before is durable.
    pub(super) async fn flush(&self) -> Result<()> {
        self.ask((), Call::Flush).await
    }

    /// Any rare verb.
    pub(super) async fn call<V: Verb + Sync>(&self, verb: V) -> Result<V::Answer> {
        self.ask(verb, |pending| Call::Rare(Box::new(pending))).await
    }

    /// Adds something soft.
    pub(super) fn soften(&self, add: impl FnOnce(&mut Soft)) {
        let mut soft = lock(&self.soft);
        let waited = !soft.is_empty();
        add(&mut soft);
        let wake = !waited && !soft.is_empty();
        drop(soft);
        if wake && let Some(calls) = &self.calls {
            // A full channel means that a transaction is near, which will take it along.
            let _ = calls.try_send(Call::SoftWaits);
        }
    }

    async fn ask<I, A>(&self, input: I, call: impl FnOnce(Pending<I, A>) -> Call) -> Result<A> {
        let (reply, answer) = oneshot::channel();
        let calls = self.calls.as_ref().ok_or(Error::ShuttingDown)?;
        let call = call(Pending { input, answer: None, reply });
        calls.send(call).await.map_err(|_| Error::ShuttingDown)?;
        answer.await.map_err(|_| Error::ShuttingDown)?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.calls = None;
        // The last owner may be the listener, which the writer itself calls.
        if let Some(thread) = self.thread.take().filter(|thread| thread.thread().id() != thread::current().id()) {
            let _ = thread.join();
        }
    }
}

/// The writer's own side.
struct Actor {
    connection: SqliteConnection,
    clock: Arc<dyn Clock>,
    listener: Option<Arc<dyn Listener>>,
    calls: mpsc::Receiver<Call>,
    soft: Arc<Mutex<Soft>>,
    /// A claim that found nothing, and takes part in every transaction that may queue something.
    waiting: Option<PendingClaim>,
    upkeep: Upkeep,
}

impl Actor {
    async fn run(mut self) {
        let mut soft_due = None;
        loop {
            let wake_at = soft_due.map_or_else(|| self.upkeep.next(), |due: Instant| due.min(self.upkeep.next()));
            let mut batch = Batch::default();
            let call = tokio::select! {
                biased;
                () = withdrawn(self.waiting.as_ref()) => {
                    self.waiting.take().into_iter().for_each(Pending::send);
                    continue;
                }
                call = tokio::time::timeout_at(wake_at.into(), self.calls.recv()) => call,
            };
            match call {
                Ok(Some(Call::SoftWaits)) => soft_due = soft_due.or_else(|| Some(Instant::now() + SOFT_DELAY)),
                Ok(Some(call)) => batch.add(call),
                Ok(None) => break,
                Err(_elapsed) => {}
            }
            while batch.len() < CALLS_PER_TRANSACTION
                && let Ok(call) = self.calls.try_recv()
            {
                batch.add(call);
            }
            if batch.may_queue_jobs() {
                batch.claims.extend(self.waiting.take().filter(|claim| !claim.reply.is_closed()));
            }
            let now = Instant::now();
            if !batch.is_empty() || soft_due.is_some_and(|due| due <= now) {
                self.commit(batch).await;
                soft_due = (!lock(&self.soft).is_empty()).then(|| Instant::now() + SOFT_DELAY);
            }
            if self.upkeep.next() <= Instant::now() {
                self.upkeep.run(&mut self.connection, self.clock.now()).await;
            }
        }
        self.commit(Batch::default()).await;
        if let Err(error) = self.connection.close().await {
            tracing::warn!(%error, "closing the database");
        }
    }

    /// Commits `batch` and everything soft. Where that fails, each call gets a transaction of its own, so that one
    /// that cannot be done harms no other; what is soft waits for better times.
    async fn commit(&mut self, mut batch: Batch) {
        let soft = std::mem::take(&mut *lock(&self.soft));
        let Err(error) = self.attempt(&mut batch, &soft).await else {
            return self.reply(batch);
        };
        lock(&self.soft).put_back(soft);
        tracing::warn!(%error, calls = batch.len(), "a transaction failed");
        if batch.len() == 1 && lock(&self.soft).is_empty() {
            return batch.refuse(error);
        }
        for mut single in batch.into_singles() {
            let soft = self.soft_for(&single);
            match self.attempt(&mut single, &soft).await {
                Ok(()) => self.reply(single),
                Err(error) => {
                    lock(&self.soft).put_back(soft);
                    single.refuse(error);
                }
            }
        }
    }

    /// Gives the answers, but to a claim that found nothing and waits.
    fn reply(&mut self, mut batch: Batch) {
        for claim in std::mem::take(&mut batch.claims) {
            if claim.waits_on() {
                // There is one dispatcher: an older claim has been given up.
                self.waiting.replace(claim).into_iter().for_each(Pending::send);
            } else {
                claim.send();
            }
        }
        batch.reply();
    }

    /// What must be committed with a single call: what was said before a finish would be refused after it, and a flush
    /// is about nothing else.
    fn soft_for(&self, single: &Batch) -> Soft {
        let mut soft = lock(&self.soft);
        match single.finishes.first() {
            Some(finish) => soft.take_job(finish.input.fence.job),
            None if !single.flushes.is_empty() => std::mem::take(&mut *soft),
            None => Soft::default(),
        }
    }

    async fn attempt(&mut self, batch: &mut Batch, soft: &Soft) -> Result<()> {
        let Committed { events, litter } = match batch.run(&mut self.connection, self.clock.now(), soft).await {
            Ok(committed) => committed,
            Err(error) => {
                // Some errors have rolled back already; then there is nothing to do, and SQLite says so.
                let _ = sqlx::query("rollback").execute(&mut self.connection).await;
                return Err(error);
            }
        };
        self.upkeep.note(events.len(), litter);
        if let Some(listener) = &self.listener
            && !events.is_empty()
        {
            listener.durable(&events);
        }
        Ok(())
    }
}

impl Batch {
    fn add(&mut self, call: Call) {
        match call {
            Call::Enqueue(pending) => self.enqueues.push(*pending),
            Call::Claim(pending) => self.claims.push(*pending),
            Call::Finish(pending) => self.finishes.push(*pending),
            Call::Rare(work) => self.rare.push(work),
            Call::Flush(pending) => self.flushes.push(pending),
            Call::SoftWaits => {}
        }
    }

    fn len(&self) -> usize {
        self.enqueues.len() + self.claims.len() + self.finishes.len() + self.rare.len() + self.flushes.len()
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there may be more to claim after it.
    fn may_queue_jobs(&self) -> bool {
        !self.enqueues.is_empty() || !self.rare.is_empty()
    }

    /// Soft writes come first, because a finish makes them stale; claims last, because they see what was enqueued.
    async fn run(&mut self, connection: &mut SqliteConnection, now: model::Micros, soft: &Soft) -> Result<Committed> {
        let mut transaction = Transaction::begin(connection, now).await?;
        transaction.save_progress(soft).await?;
        transaction.append_logs(soft.logs(), self.finishes.iter().filter_map(|f| f.input.log.as_ref())).await?;
        transaction.finish(&mut self.finishes).await?;
        for work in &mut self.rare {
            work.run(&mut transaction).await?;
        }
        transaction.enqueue(&mut self.enqueues).await?;
        for pending in &mut self.claims {
            pending.answer = Some(Ok(transaction.claim(&pending.input).await?));
        }
        for pending in &mut self.flushes {
            pending.answer = Some(Ok(()));
        }
        transaction.commit().await
    }

    fn reply(self) {
        self.finishes.into_iter().for_each(Pending::send);
        self.enqueues.into_iter().for_each(Pending::send);
        self.rare.into_iter().for_each(Work::reply);
        self.flushes.into_iter().for_each(Pending::send);
    }

    fn refuse(self, error: Error) {
        // Only a batch of one is refused.
        if let Some(pending) = self.finishes.into_iter().next() {
            pending.refuse(error);
        } else if let Some(pending) = self.enqueues.into_iter().next() {
            pending.refuse(error);
        } else if let Some(pending) = self.claims.into_iter().next() {
            pending.refuse(error);
        } else if let Some(pending) = self.flushes.into_iter().next() {
            pending.refuse(error);
        } else if let Some(work) = self.rare.into_iter().next() {
            work.refuse(error);
        }
    }

    fn into_singles(self) -> impl Iterator<Item = Self> {
        let finishes = self.finishes.into_iter().map(|p| Self { finishes: vec![p], ..Self::default() });
        let rare = self.rare.into_iter().map(|p| Self { rare: vec![p], ..Self::default() });
        let enqueues = self.enqueues.into_iter().map(|p| Self { enqueues: vec![p], ..Self::default() });
        let claims = self.claims.into_iter().map(|p| Self { claims: vec![p], ..Self::default() });
        let flushes = self.flushes.into_iter().map(|p| Self { flushes: vec![p], ..Self::default() });
        finishes.chain(rare).chain(enqueues).chain(claims).chain(flushes)
    }
}

impl<I, A> Pending<I, A> {
    /// Gives the answer. A caller that has gone away does not want it.
    fn send(self) {
        if let Some(answer) = self.answer {
            let _ = self.reply.send(answer);
        }
    }

    fn refuse(self, error: Error) {
        let _ = self.reply.send(Err(error));
    }
}

impl PendingClaim {
    /// Whether it has found nothing and goes on waiting.
    fn waits_on(&self) -> bool {
        let nothing = matches!(&self.answer, Some(Ok(claimed)) if claimed.is_empty());
        nothing && self.input.waits.as_ref().is_some_and(|withdrawn| !withdrawn.is_cancelled())
    }
}

/// Ends when the claim that waits is withdrawn; without one, never.
async fn withdrawn(waiting: Option<&PendingClaim>) {
    match waiting.and_then(|claim| claim.input.waits.as_ref()) {
        Some(withdrawn) => withdrawn.cancelled().await,
        None => std::future::pending().await,
    }
}

#[async_trait]
impl<V: Verb + Sync> Work for Pending<V, V::Answer> {
    async fn run(&mut self, transaction: &mut Transaction<'_>) -> Result<()> {
        let answer = self.input.run(transaction).await;
        if let Err(error) = answer {
            if error.ends_transaction() {
                return Err(error);
            }
            self.answer = Some(Err(error));
        } else {
            self.answer = Some(answer);
        }
        Ok(())
    }

    fn reply(self: Box<Self>) {
        (*self).send();
    }

    fn refuse(self: Box<Self>, error: Error) {
        Pending::refuse(*self, error);
    }
}

fn lock(soft: &Mutex<Soft>) -> MutexGuard<'_, Soft> {
    // Nothing panics while it is held; were it so, what is in it would still be whole.
    soft.lock().unwrap_or_else(PoisonError::into_inner)
}
