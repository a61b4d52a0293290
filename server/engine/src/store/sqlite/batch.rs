//! The calls that share a transaction: what is asked, in which order it is done, who is answered what.

use model::{JobId, JobView, Micros};
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{
    buffered::Buffered,
    feed::Feed,
    transaction::{Committed, Transaction},
};
use crate::{
    Error, Result,
    store::{CheckpointAnswer, Claim, Claimed, Fence, Finish, NewJob, SaveCheckpoint},
};

/// A rare verb: runs alone within the transaction. Whatever it refuses, it must refuse before it writes.
pub(super) trait WriteCommand: Send + 'static {
    /// What the caller gets.
    type Answer: Send + 'static;
    /// Whether it adds something that can wait: on a full disk it is refused, so that ends and deletions find room.
    const ADDS: bool = false;
    /// Does it.
    fn run(&self, transaction: &mut Transaction<'_>) -> Result<Self::Answer>;
}

/// A call that waits for its answer.
pub(super) struct Pending<I, A> {
    /// What was asked.
    pub(super) input: I,
    /// What to answer once the transaction is committed.
    pub(super) answer: Option<Result<A>>,
    pub(super) reply: oneshot::Sender<Result<A>>,
}

/// A [`Pending`] rare verb of any type.
pub(super) trait Work: Send {
    fn adds(&self) -> bool;
    fn run(&mut self, transaction: &mut Transaction<'_>) -> Result<()>;
    fn reply(self: Box<Self>);
    fn refuse(self: Box<Self>, error: Error);
}

/// What comes over the channel. Boxed, because the calls differ much in size.
pub(super) enum Call {
    Enqueue(Box<Pending<NewJob, JobId>>),
    Claim(Box<PendingClaim>),
    SaveCheckpoint(Box<Pending<SaveCheckpoint, CheckpointAnswer>>),
    Finish(Box<Pending<Finish, JobView>>),
    Rare(Box<dyn Work>),
    Flush(Pending<(), ()>),
    /// Something buffered waits where nothing did.
    BufferedWaits,
    /// Other processes have written.
    OthersWrote,
    /// The writer is asked for a sign of life.
    Knock,
}

/// A claim and its answer.
pub(super) type PendingClaim = Pending<Claim, Vec<Claimed>>;

/// The calls of one transaction.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) enqueues: Vec<Pending<NewJob, JobId>>,
    pub(super) claims: Vec<PendingClaim>,
    pub(super) checkpoints: Vec<Pending<SaveCheckpoint, CheckpointAnswer>>,
    pub(super) finishes: Vec<Pending<Finish, JobView>>,
    pub(super) rare: Vec<Box<dyn Work>>,
    /// Answered when what is buffered has been committed.
    pub(super) flushes: Vec<Pending<(), ()>>,
    /// Whether other processes have written, which is to be looked at before.
    pub(super) others_wrote: bool,
}

impl Batch {
    pub(super) fn add(&mut self, call: Call) {
        match call {
            Call::Enqueue(pending) => self.enqueues.push(*pending),
            Call::Claim(pending) => self.claims.push(*pending),
            Call::SaveCheckpoint(pending) => self.checkpoints.push(*pending),
            Call::Finish(pending) => self.finishes.push(*pending),
            Call::Rare(work) => self.rare.push(work),
            Call::Flush(pending) => self.flushes.push(pending),
            Call::BufferedWaits | Call::Knock => {}
            Call::OthersWrote => self.others_wrote = true,
        }
    }

    pub(super) fn len(&self) -> usize {
        let by_workers = self.claims.len() + self.checkpoints.len() + self.finishes.len();
        self.enqueues.len() + by_workers + self.rare.len() + self.flushes.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there may be more to claim after it: it queues a job, or makes room for one that had to wait.
    pub(super) fn may_let_jobs_start(&self) -> bool {
        !self.enqueues.is_empty() || !self.finishes.is_empty() || !self.rare.is_empty()
    }

    /// In a batch of one: whether it adds something that can wait.
    pub(super) fn adds(&self) -> bool {
        !self.enqueues.is_empty() || self.rare.iter().any(|work| work.adds())
    }

    /// In a batch of one: whether it ends an attempt.
    pub(super) fn is_end(&self) -> bool {
        !self.finishes.is_empty()
    }

    /// Gives up the last log lines of attempts that end.
    pub(super) fn drop_logs(&mut self) {
        for pending in &mut self.finishes {
            pending.input.log = None;
        }
    }

    /// In a batch of one: whose worker calls for a job that it holds.
    pub(super) fn worker(&self) -> Option<&Fence> {
        let finishing = self.finishes.first().map(|pending| &pending.input.fence);
        finishing.or_else(|| self.checkpoints.first().map(|pending| &pending.input.fence))
    }

    /// Buffered writes and checkpoints come first, because a finish makes them stale; claims last, because they see what was enqueued.
    pub(super) fn run(
        &mut self,
        connection: &mut Connection,
        now: Micros,
        buffered: &Buffered,
        feed: &mut Feed,
    ) -> Result<Committed> {
        let mut transaction = Transaction::begin(connection, now, feed)?;
        transaction.save_progress(buffered)?;
        transaction.save_curves(buffered)?;
        transaction.write_last_used(&buffered.last_used)?;
        for append in buffered.logs().chain(self.finishes.iter().filter_map(|pending| pending.input.log.as_ref())) {
            transaction.append_log(append)?;
        }
        for pending in &mut self.checkpoints {
            pending.decide(|save| transaction.save_checkpoint(save))?;
        }
        for pending in &mut self.finishes {
            pending.decide(|finish| transaction.finish(finish))?;
        }
        for work in &mut self.rare {
            work.run(&mut transaction)?;
        }
        // One place in line for all of them: their numbers say the rest.
        let in_line = transaction.end_of_line();
        for pending in &mut self.enqueues {
            pending.decide(|job| transaction.enqueue(job, in_line))?;
        }
        for pending in &mut self.claims {
            pending.decide(|claim| transaction.claim(claim))?;
        }
        for pending in &mut self.flushes {
            pending.answer = Some(Ok(()));
        }
        transaction.commit()
    }

    pub(super) fn reply(self) {
        self.checkpoints.into_iter().for_each(Pending::send);
        self.finishes.into_iter().for_each(Pending::send);
        self.enqueues.into_iter().for_each(Pending::send);
        self.rare.into_iter().for_each(Work::reply);
        self.flushes.into_iter().for_each(Pending::send);
    }

    pub(super) fn refuse(self, error: Error) {
        // Only a batch of one is refused.
        if let Some(pending) = self.finishes.into_iter().next() {
            pending.refuse(error);
        } else if let Some(pending) = self.checkpoints.into_iter().next() {
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

    pub(super) fn into_singles(self) -> impl Iterator<Item = Self> {
        let checkpoints = self.checkpoints.into_iter().map(|p| Self { checkpoints: vec![p], ..Self::default() });
        let finishes = self.finishes.into_iter().map(|p| Self { finishes: vec![p], ..Self::default() });
        let rare = self.rare.into_iter().map(|p| Self { rare: vec![p], ..Self::default() });
        let enqueues = self.enqueues.into_iter().map(|p| Self { enqueues: vec![p], ..Self::default() });
        let claims = self.claims.into_iter().map(|p| Self { claims: vec![p], ..Self::default() });
        let flushes = self.flushes.into_iter().map(|p| Self { flushes: vec![p], ..Self::default() });
        checkpoints.chain(finishes).chain(rare).chain(enqueues).chain(claims).chain(flushes)
    }
}

impl<I, A> Pending<I, A> {
    /// Does what was asked and keeps the answer; an error that the whole transaction is lost by is not an answer.
    fn decide(&mut self, act: impl FnOnce(&I) -> Result<A>) -> Result<()> {
        match act(&self.input) {
            Err(error) if error.ends_transaction() => Err(error),
            answer => {
                self.answer = Some(answer);
                Ok(())
            }
        }
    }

    /// Gives the answer. A caller that has gone away does not want it.
    pub(super) fn send(self) {
        if let Some(answer) = self.answer {
            let _ = self.reply.send(answer);
        }
    }

    pub(super) fn refuse(self, error: Error) {
        let _ = self.reply.send(Err(error));
    }
}

impl PendingClaim {
    /// Whether it has found nothing and goes on waiting.
    pub(super) fn waits_on(&self) -> bool {
        let nothing = matches!(&self.answer, Some(Ok(claimed)) if claimed.is_empty());
        nothing && self.input.waits.as_ref().is_some_and(|withdrawn| !withdrawn.is_cancelled())
    }
}

/// Ends when the claim that waits is withdrawn; without one, never.
pub(super) async fn withdrawn(waiting: Option<&PendingClaim>) {
    match waiting.and_then(|claim| claim.input.waits.as_ref()) {
        Some(withdrawn) => withdrawn.cancelled().await,
        None => std::future::pending().await,
    }
}

impl<V: WriteCommand> Work for Pending<V, V::Answer> {
    fn adds(&self) -> bool {
        V::ADDS
    }

    fn run(&mut self, transaction: &mut Transaction<'_>) -> Result<()> {
        self.decide(|verb| verb.run(transaction))
    }

    fn reply(self: Box<Self>) {
        (*self).send();
    }

    fn refuse(self: Box<Self>, error: Error) {
        Pending::refuse(*self, error);
    }
}
