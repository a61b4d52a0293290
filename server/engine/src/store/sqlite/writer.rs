//! The thread that writes. Calls come in over a channel; whatever is waiting goes into one transaction, and the
//! answers go out after its commit, so that a hundred callers share one sync of the disk.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use model::{JobId, JobView};
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::{
    SqliteOptions,
    batch::{Batch, Call, Pending, PendingClaim, WriteCommand, withdrawn},
    buffered::Buffered,
    feed::Feed,
    files::{self, Files},
    transaction::Committed,
    upkeep::Upkeep,
};
use crate::{
    Clock, Error, Health, Result, Trouble,
    disk::Disk,
    health::{Part, timer_runtime},
    store::{CheckpointAnswer, Claim, Claimed, Finish, NewJob, SaveCheckpoint},
};

/// Calls that may wait for the writer before callers wait themselves.
const CALLS_IN_WAITING: usize = 1024;
/// Calls in one transaction: enough to share the sync, few enough that nobody waits long.
const CALLS_PER_TRANSACTION: usize = 256;
/// How long buffered writes may wait for a transaction to ride along with.
const BUFFER_DELAY: Duration = Duration::from_millis(100);
/// On a full disk, the log lines in waiting that are written with the end of their attempt, bytes.
const LAST_LINES: usize = 256 << 10;

/// The handle that callers hold.
pub(super) struct Writer {
    /// `None` once dropping.
    calls: Option<mpsc::Sender<Call>>,
    buffered: Arc<Mutex<Buffered>>,
    thread: Option<thread::JoinHandle<()>>,
    health: Arc<Health>,
}

impl Writer {
    /// Starts the thread on `connection`.
    pub(super) fn start(connection: Connection, options: &SqliteOptions, feed: Feed) -> Result<Self> {
        let (sender, calls) = mpsc::channel(CALLS_IN_WAITING);
        let (clock, health) = (Arc::clone(&options.clock), Arc::clone(&options.health));
        let files = Files::of(&options.path);
        let buffered = Arc::<Mutex<Buffered>>::default();
        let (waiting, upkeep) = (None, Upkeep::default());
        let (shown, failing) = (Arc::clone(&health), None);
        let actor = Actor {
            connection,
            files,
            clock,
            feed,
            disk: options.disk.clone(),
            calls,
            buffered: Arc::clone(&buffered),
            waiting,
            upkeep,
            health: shown,
            failing,
        };
        let unusable = |error| Error::of_io("starting the store's writer", error);
        let waker = sender.downgrade();
        let knock = move || {
            // A full channel means that the thread has reason to wake anyway.
            let _ = waker.upgrade().map(|calls| calls.try_send(Call::Knock));
        };
        let work = move |part: &Part| timer_runtime().block_on(actor.run(part));
        let thread = health.spawn_thread("store writer", Some(Box::new(knock)), work).map_err(unusable)?;
        Ok(Self { calls: Some(sender), buffered, thread: Some(thread), health })
    }

    pub(super) async fn enqueue(&self, job: NewJob) -> Result<JobId> {
        self.ask(job, |pending| Call::Enqueue(Box::new(pending))).await
    }

    pub(super) async fn claim(&self, claim: Claim) -> Result<Vec<Claimed>> {
        self.ask(claim, |pending| Call::Claim(Box::new(pending))).await
    }

    pub(super) async fn save_checkpoint(&self, save: SaveCheckpoint) -> Result<CheckpointAnswer> {
        self.ask(save, |pending| Call::SaveCheckpoint(Box::new(pending))).await
    }

    pub(super) async fn finish(&self, finish: Finish) -> Result<JobView> {
        self.ask(finish, |pending| Call::Finish(Box::new(pending))).await
    }

    /// Returns once everything buffered that was given before is durable.
    pub(super) async fn flush(&self) -> Result<()> {
        self.ask((), Call::Flush).await
    }

    /// Any rare verb.
    pub(super) async fn call<V: WriteCommand>(&self, verb: V) -> Result<V::Answer> {
        self.ask(verb, |pending| Call::Rare(Box::new(pending))).await
    }

    /// What others ring to let the thread know that other processes have written.
    pub(super) fn bell(&self) -> Bell {
        Bell(self.calls.as_ref().map(mpsc::Sender::downgrade))
    }

    /// Adds something buffered.
    pub(super) fn buffer(&self, add: impl FnOnce(&mut Buffered)) {
        let mut buffered = lock(&self.buffered);
        let waited = !buffered.is_empty();
        add(&mut buffered);
        let wake = !waited && !buffered.is_empty();
        drop(buffered);
        if wake && let Some(calls) = &self.calls {
            // A full channel means that a transaction is near, which will take it along.
            let _ = calls.try_send(Call::BufferedWaits);
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
        self.health.expect_ends();
        self.calls = None;
        // The last owner may be the listener, which the writer itself calls.
        if let Some(thread) = self.thread.take().filter(|thread| thread.thread().id() != thread::current().id()) {
            let _ = thread.join();
        }
    }
}

/// Lets the writer know that other processes have written. Does not keep it alive.
pub(super) struct Bell(Option<mpsc::WeakSender<Call>>);

impl Bell {
    /// Whether it was heard; where it was not, the writer has its hands full, or is gone.
    pub(super) fn ring(&self) -> bool {
        let calls = self.0.as_ref().and_then(mpsc::WeakSender::upgrade);
        calls.is_some_and(|calls| calls.try_send(Call::OthersWrote).is_ok())
    }
}

/// The writer's own side.
struct Actor {
    connection: Connection,
    files: Files,
    clock: Arc<dyn Clock>,
    feed: Feed,
    disk: Option<Arc<Disk>>,
    calls: mpsc::Receiver<Call>,
    buffered: Arc<Mutex<Buffered>>,
    /// A claim that found nothing, and takes part in every transaction after which something may start.
    waiting: Option<PendingClaim>,
    upkeep: Upkeep,
    health: Arc<Health>,
    /// Why the newest transaction failed, where people should know.
    failing: Option<Trouble>,
}

impl Actor {
    async fn run(mut self, part: &Part) {
        let mut buffered_due = None;
        loop {
            part.answer();
            let mut wake_at =
                buffered_due.map_or_else(|| self.upkeep.next(), |due: Instant| due.min(self.upkeep.next()));
            let mut batch = Batch { others_wrote: self.feed.should_look(), ..Batch::default() };
            if batch.others_wrote {
                wake_at = Instant::now();
            }
            let call = tokio::select! {
                biased;
                () = withdrawn(self.waiting.as_ref()) => {
                    self.waiting.take().into_iter().for_each(Pending::send);
                    continue;
                }
                call = tokio::time::timeout_at(wake_at.into(), self.calls.recv()) => call,
            };
            match call {
                Ok(Some(Call::BufferedWaits)) => {
                    buffered_due = buffered_due.or_else(|| Some(Instant::now() + BUFFER_DELAY))
                }
                Ok(Some(call)) => batch.add(call),
                Ok(None) => break,
                Err(_elapsed) => {}
            }
            while batch.len() < CALLS_PER_TRANSACTION
                && let Ok(call) = self.calls.try_recv()
            {
                batch.add(call);
            }
            let queued_elsewhere = batch.others_wrote && self.hear_others();
            if queued_elsewhere || batch.may_let_jobs_start() {
                batch.claims.extend(self.waiting.take().filter(|claim| !claim.reply.is_closed()));
            }
            let now = Instant::now();
            if !batch.is_empty() || buffered_due.is_some_and(|due| due <= now) {
                self.commit(batch);
                buffered_due = (!lock(&self.buffered).is_empty()).then(|| Instant::now() + BUFFER_DELAY);
            }
            if self.upkeep.next() <= Instant::now() {
                self.upkeep.run(&mut self.connection, self.clock.now());
            }
        }
        self.commit(Batch::default());
        if let Err((_, error)) = self.connection.close() {
            tracing::warn!(%error, "closing the database");
        }
    }

    /// Tells what other processes have written; answers whether there may be more to claim after it.
    fn hear_others(&mut self) -> bool {
        match self.feed.look(&self.connection) {
            Ok(queued) => queued > 0,
            Err(error) => {
                tracing::warn!(%error, "cannot read what other processes have written; the next transaction will");
                false
            }
        }
    }

    /// Commits `batch` and everything buffered. Where that fails, each call gets a transaction of its own, so that one
    /// that cannot be done harms no other, unless no call can be done; what is buffered waits for better times.
    fn commit(&mut self, mut batch: Batch) {
        if self.is_short() {
            return self.commit_what_ends(batch);
        }
        let buffered = std::mem::take(&mut *lock(&self.buffered));
        let Err(error) = self.attempt(&mut batch, &buffered) else {
            return self.reply(batch);
        };
        lock(&self.buffered).put_back(buffered);
        self.report(&error, batch.len());
        if let (Error::Full, Some(disk)) = (&error, &self.disk) {
            disk.let_go();
            if self.is_short() {
                return self.commit_what_ends(batch);
            }
        }
        if matches!(error, Error::Busy) {
            // To wait anew for each of them would hold up the last one for minutes.
            return batch.into_singles().for_each(|single| single.refuse(Error::Busy));
        }
        if batch.len() == 1 && lock(&self.buffered).is_empty() {
            return batch.refuse(error);
        }
        for mut single in batch.into_singles() {
            let buffered = self.buffered_for(&single);
            match self.attempt(&mut single, &buffered) {
                Ok(()) => self.reply(single),
                Err(error) => {
                    lock(&self.buffered).put_back(buffered);
                    single.refuse(error);
                }
            }
        }
    }

    /// Whether the disk is so full that nothing is written but what ends or removes something.
    fn is_short(&self) -> bool {
        self.disk.as_ref().is_some_and(|disk| disk.is_short())
    }

    /// Commits the calls that the reserve is for, each by itself. Claims wait for better times, as does what is buffered, but
    /// for the last lines of an attempt that ends.
    fn commit_what_ends(&mut self, mut batch: Batch) {
        for mut claim in std::mem::take(&mut batch.claims) {
            claim.answer = Some(Ok(Vec::new()));
            if claim.waits_on() {
                self.waiting.replace(claim).into_iter().for_each(Pending::send);
            } else {
                claim.send();
            }
        }
        for mut single in batch.into_singles() {
            if single.adds() {
                single.refuse(Error::Full);
                continue;
            }
            let mut buffered = self.buffered_for(&single);
            // Of an attempt that ends alone: a log that goes on has no hole.
            let mut lost = if single.is_end() { buffered.cut_logs(LAST_LINES) } else { 0 };
            if lost > 0 {
                single.drop_logs();
            }
            let mut attempted = self.attempt(&mut single, &buffered);
            if matches!(attempted, Err(Error::Full)) && single.is_end() {
                lost += buffered.cut_logs(0);
                single.drop_logs();
                attempted = self.attempt(&mut single, &buffered);
            }
            if lost > 0 {
                tracing::error!(lines = lost, "log lines are lost: the disk is full");
            }
            match attempted {
                Ok(()) => self.reply(single),
                Err(error) => {
                    lock(&self.buffered).put_back(buffered);
                    single.refuse(error);
                }
            }
        }
    }

    /// Logs why a transaction failed; what goes on for a while, once.
    fn report(&mut self, error: &Error, calls: usize) {
        let trouble = files::trouble(error);
        if trouble.is_none() || trouble != self.failing {
            tracing::warn!(%error, calls, "a transaction failed");
        }
        if trouble.is_some() && trouble != self.failing {
            self.health.set_trouble(trouble);
            self.failing = trouble;
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

    /// What must be committed with a single call: what was said before a finish would be refused after it, what was said
    /// before a checkpoint must not be missing behind it, and a flush is about nothing else.
    fn buffered_for(&self, single: &Batch) -> Buffered {
        let mut buffered = lock(&self.buffered);
        match single.worker() {
            Some(fence) => buffered.take_job(fence.job),
            None if !single.flushes.is_empty() => std::mem::take(&mut *buffered),
            None => Buffered::default(),
        }
    }

    fn attempt(&mut self, batch: &mut Batch, buffered: &Buffered) -> Result<()> {
        self.files.check()?;
        let changes = self.connection.total_changes();
        let Committed { events, garbage } = batch
            .run(&mut self.connection, self.clock.now(), buffered, &mut self.feed)
            .map_err(|error| self.files.explain(error))?;
        // One that changes nothing succeeds on a full or read-only disk, too.
        if self.failing.is_some() && self.connection.total_changes() > changes {
            self.failing = None;
            tracing::info!("the database can be written again");
            self.health.set_trouble(None);
        }
        self.upkeep.note(events.len(), garbage);
        self.feed.tell(&events);
        Ok(())
    }
}

fn lock(buffered: &Mutex<Buffered>) -> MutexGuard<'_, Buffered> {
    // Nothing panics while it is held; were it so, what is in it would still be whole.
    buffered.lock().unwrap_or_else(PoisonError::into_inner)
}
