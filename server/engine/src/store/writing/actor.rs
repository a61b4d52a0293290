//! The writer's thread. Calls arrive over a channel; all that wait go into one transaction, and the answers are sent
//! after its commit, so that a hundred callers share one sync of the disk.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use tokio::sync::mpsc;

use super::{
    Batch, Buffered, Pending, WriteBackend,
    batch::{Call, PendingClaim, withdrawn},
    writer::lock,
};
use crate::{Error, Health, Result, Trouble, runtime::health::Part};

/// Calls in one transaction: enough to share the sync, few enough that no caller waits long.
const CALLS_PER_TRANSACTION: usize = 256;
/// How long buffered writes may wait for a transaction to join.
const BUFFER_DELAY: Duration = Duration::from_millis(100);
/// On a full disk, the buffered log lines that are written with the end of their attempt, bytes.
const LAST_LINES: usize = 256 << 10;

/// The writer's own side.
pub(super) struct Actor<B: WriteBackend> {
    backend: B,
    calls: mpsc::Receiver<Call<B::Command>>,
    buffered: Arc<Mutex<Buffered>>,
    /// A claim that found nothing, and takes part in every transaction after which something may start.
    waiting: Option<PendingClaim>,
    health: Arc<Health>,
    /// Why the newest transaction failed, if an operator should know.
    failing: Option<Trouble>,
}

impl<B: WriteBackend> Actor<B> {
    pub(super) const fn new(
        backend: B,
        calls: mpsc::Receiver<Call<B::Command>>,
        buffered: Arc<Mutex<Buffered>>,
        health: Arc<Health>,
    ) -> Self {
        Self { backend, calls, buffered, waiting: None, health, failing: None }
    }

    /// Runs until all senders are gone, commits what is buffered, and closes the database.
    pub(super) async fn run(mut self, part: &Part) {
        let mut buffered_due = None;
        loop {
            part.answer();
            let upkeep = self.backend.next_upkeep();
            let mut wake_at = buffered_due.map_or(upkeep, |due: Instant| due.min(upkeep));
            let mut batch = Batch { others_wrote: self.backend.has_unread_changes(), ..Batch::default() };
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
                Ok(Some(Call::Buffered)) => buffered_due = buffered_due.or_else(|| Some(Instant::now() + BUFFER_DELAY)),
                Ok(Some(call)) => batch.add(call),
                Ok(None) => break,
                Err(_elapsed) => {}
            }
            while batch.len() < CALLS_PER_TRANSACTION
                && let Ok(call) = self.calls.try_recv()
            {
                batch.add(call);
            }
            let queued_elsewhere = batch.others_wrote && self.read_changes().await;
            if queued_elsewhere || batch.may_let_jobs_start() {
                batch.claims.extend(self.waiting.take().filter(|claim| !claim.is_abandoned()));
            }
            let now = Instant::now();
            if !batch.is_empty() || buffered_due.is_some_and(|due| due <= now) {
                self.commit(batch).await;
                buffered_due = (!lock(&self.buffered).is_empty()).then(|| Instant::now() + BUFFER_DELAY);
            }
            if self.backend.next_upkeep() <= Instant::now() {
                self.backend.upkeep().await;
            }
        }
        self.commit(Batch::default()).await;
        if let Err(error) = self.backend.close().await {
            tracing::warn!(%error, "closing the database");
        }
    }

    /// Reads what other processes have written. Returns whether there may be more to claim after it.
    async fn read_changes(&mut self) -> bool {
        match self.backend.read_changes().await {
            Ok(queued) => queued > 0,
            Err(error) => {
                tracing::warn!(%error, "cannot read what other processes have written; the next transaction will");
                false
            }
        }
    }

    /// Commits `batch` and everything buffered. Where that fails, each call gets a transaction of its own, so that one
    /// that cannot be done harms no other, unless no call can be done; buffered writes go on waiting.
    async fn commit(&mut self, mut batch: Batch<B::Command>) {
        if self.backend.is_short() {
            return self.commit_on_full_disk(batch).await;
        }
        let buffered = std::mem::take(&mut *lock(&self.buffered));
        let Err(error) = self.attempt(&mut batch, &buffered).await else {
            return self.reply(batch);
        };
        lock(&self.buffered).put_back(buffered);
        self.report(&error, batch.len());
        if matches!(error, Error::Full) {
            self.backend.release_reserve();
            if self.backend.is_short() {
                return self.commit_on_full_disk(batch).await;
            }
        }
        if matches!(error, Error::Busy) {
            // To wait again for each of them would delay the last one for minutes.
            return batch.into_singles().for_each(|single| single.refuse(Error::Busy));
        }
        if batch.len() == 1 && lock(&self.buffered).is_empty() {
            return batch.refuse(error);
        }
        for mut single in batch.into_singles() {
            let buffered = self.buffered_for(&single);
            match self.attempt(&mut single, &buffered).await {
                Ok(()) => self.reply(single),
                Err(error) => {
                    lock(&self.buffered).put_back(buffered);
                    single.refuse(error);
                }
            }
        }
    }

    /// Commits the calls that the reserve is for, each by itself. Claims go on waiting, as does what is buffered,
    /// except the last lines of an attempt that ends.
    async fn commit_on_full_disk(&mut self, mut batch: Batch<B::Command>) {
        for mut claim in std::mem::take(&mut batch.claims) {
            claim.answer(Vec::new());
            self.reply_to_claim(claim);
        }
        for mut single in batch.into_singles() {
            if single.adds() {
                single.refuse(Error::Full);
                continue;
            }
            let mut buffered = self.buffered_for(&single);
            // Only of an attempt that ends: the log of one that goes on has no hole.
            let mut lost = if single.is_end() { buffered.truncate_logs(LAST_LINES) } else { 0 };
            if lost > 0 {
                single.drop_logs();
            }
            let mut attempted = self.attempt(&mut single, &buffered).await;
            if matches!(attempted, Err(Error::Full)) && single.is_end() {
                lost += buffered.truncate_logs(0);
                single.drop_logs();
                attempted = self.attempt(&mut single, &buffered).await;
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

    /// Logs why a transaction failed; a lasting cause only once.
    fn report(&mut self, error: &Error, calls: usize) {
        let trouble = trouble(error);
        if trouble.is_none() || trouble != self.failing {
            tracing::warn!(%error, calls, "a transaction failed");
        }
        if trouble.is_some() && trouble != self.failing {
            self.health.set_trouble(trouble);
            self.failing = trouble;
        }
    }

    /// Sends the answers, except to a claim that found nothing and goes on waiting.
    fn reply(&mut self, mut batch: Batch<B::Command>) {
        for claim in std::mem::take(&mut batch.claims) {
            self.reply_to_claim(claim);
        }
        batch.reply();
    }

    fn reply_to_claim(&mut self, claim: PendingClaim) {
        if claim.keeps_waiting() {
            // There is one dispatcher: an older claim has been given up.
            self.waiting.replace(claim).into_iter().for_each(Pending::send);
        } else {
            claim.send();
        }
    }

    /// The buffered writes that must be committed with a single call: those of a job before its finish, which would
    /// refuse them later, and before its checkpoint, which must not be ahead of them; and all of them for a flush.
    fn buffered_for(&self, single: &Batch<B::Command>) -> Buffered {
        let mut buffered = lock(&self.buffered);
        match single.fence() {
            Some(fence) => buffered.take_job(fence.job),
            None if !single.flushes.is_empty() => std::mem::take(&mut *buffered),
            None => Buffered::default(),
        }
    }

    async fn attempt(&mut self, batch: &mut Batch<B::Command>, buffered: &Buffered) -> Result<()> {
        let committed = self.backend.run(batch, buffered).await?;
        if self.failing.is_some() && committed.changed {
            self.failing = None;
            tracing::info!("the database can be written again");
            self.health.set_trouble(None);
        }
        self.backend.publish(committed);
        Ok(())
    }
}

/// The lasting cause of a failed transaction, which the operator has to remove.
const fn trouble(error: &Error) -> Option<Trouble> {
    match error {
        Error::Full => Some(Trouble::Full),
        Error::FileLimit => Some(Trouble::FileLimit),
        Error::ReadOnly => Some(Trouble::ReadOnly),
        Error::Gone => Some(Trouble::Gone),
        Error::Damaged(_) => Some(Trouble::Damaged),
        _ => None,
    }
}
