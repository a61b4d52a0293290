//! The calls of one transaction, and the call that waits for its answer.

use model::{JobId, JobView};
use tokio::sync::oneshot;

use crate::{
    Error, Result,
    store::{CheckpointOutcome, Claim, Claimed, Fence, Finish, NewJob, SaveCheckpoint},
};

/// A call that waits for its answer.
pub(in crate::store) struct Pending<I, A> {
    input: I,
    /// Sent once the transaction is committed.
    answer: Option<Result<A>>,
    reply: oneshot::Sender<Result<A>>,
}

/// An infrequent command that waits for its answer, as far as the writer needs to know it.
pub(in crate::store) trait Command: Send {
    /// Whether it adds something that can wait: on a full disk it is refused, so that ends and deletions find room.
    fn adds(&self) -> bool;
    /// Sends the answer.
    fn reply(self: Box<Self>);
    /// Sends `error` as the answer.
    fn refuse(self: Box<Self>, error: Error);
}

/// A message to the writer. Calls are boxed, because they differ much in size.
pub(super) enum Call<C: Command + ?Sized> {
    Enqueue(Box<Pending<NewJob, JobId>>),
    Claim(Box<PendingClaim>),
    SaveCheckpoint(Box<Pending<SaveCheckpoint, CheckpointOutcome>>),
    Finish(Box<Pending<Finish, JobView>>),
    Command(Box<C>),
    Flush(Pending<(), ()>),
    /// There are buffered writes where there were none.
    Buffered,
    /// Other processes have written.
    OthersWrote,
    /// A health check asks for a sign of life.
    Knock,
}

/// A claim that waits for its answer.
pub(super) type PendingClaim = Pending<Claim, Vec<Claimed>>;

/// The calls of one transaction.
pub(in crate::store) struct Batch<C: Command + ?Sized> {
    pub(in crate::store) enqueues: Vec<Pending<NewJob, JobId>>,
    pub(in crate::store) claims: Vec<Pending<Claim, Vec<Claimed>>>,
    pub(in crate::store) checkpoints: Vec<Pending<SaveCheckpoint, CheckpointOutcome>>,
    pub(in crate::store) finishes: Vec<Pending<Finish, JobView>>,
    pub(in crate::store) commands: Vec<Box<C>>,
    /// Calls that only wait for the buffered writes to be committed.
    pub(in crate::store) flushes: Vec<Pending<(), ()>>,
    /// Whether other processes have written, which is to be read before.
    pub(super) others_wrote: bool,
}

impl<C: Command + ?Sized> Default for Batch<C> {
    fn default() -> Self {
        Self {
            enqueues: Vec::new(),
            claims: Vec::new(),
            checkpoints: Vec::new(),
            finishes: Vec::new(),
            commands: Vec::new(),
            flushes: Vec::new(),
            others_wrote: false,
        }
    }
}

impl<C: Command + ?Sized> Batch<C> {
    pub(super) fn add(&mut self, call: Call<C>) {
        match call {
            Call::Enqueue(pending) => self.enqueues.push(*pending),
            Call::Claim(pending) => self.claims.push(*pending),
            Call::SaveCheckpoint(pending) => self.checkpoints.push(*pending),
            Call::Finish(pending) => self.finishes.push(*pending),
            Call::Command(command) => self.commands.push(command),
            Call::Flush(pending) => self.flushes.push(pending),
            Call::Buffered | Call::Knock => {}
            Call::OthersWrote => self.others_wrote = true,
        }
    }

    /// How many calls it holds.
    pub(super) fn len(&self) -> usize {
        let by_workers = self.claims.len() + self.checkpoints.len() + self.finishes.len();
        self.enqueues.len() + by_workers + self.commands.len() + self.flushes.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there may be more to claim after it: it queues a job, or makes room for one that had to wait.
    pub(super) fn may_let_jobs_start(&self) -> bool {
        !self.enqueues.is_empty() || !self.finishes.is_empty() || !self.commands.is_empty()
    }

    /// In a batch of one: whether it adds something that can wait.
    pub(super) fn adds(&self) -> bool {
        // A reporter keeps the end of its run, and sends it again: no line of it is given up.
        let is_reported = self.finishes.iter().any(|pending| pending.input.reported.is_some());
        !self.enqueues.is_empty() || is_reported || self.commands.iter().any(|command| command.adds())
    }

    /// In a batch of one: whether it ends an attempt.
    pub(super) fn is_end(&self) -> bool {
        !self.finishes.is_empty()
    }

    /// Drops the last log lines of attempts that end.
    pub(super) fn drop_logs(&mut self) {
        for pending in &mut self.finishes {
            pending.input.log = None;
        }
    }

    /// In a batch of one: the fence of the worker that calls for a job it holds.
    pub(super) fn fence(&self) -> Option<&Fence> {
        let finishing = self.finishes.first().map(|pending| &pending.input.fence);
        finishing.or_else(|| self.checkpoints.first().map(|pending| &pending.input.fence))
    }

    /// Sends all answers but those to claims, which may go on waiting.
    pub(super) fn reply(self) {
        self.checkpoints.into_iter().for_each(Pending::send);
        self.finishes.into_iter().for_each(Pending::send);
        self.enqueues.into_iter().for_each(Pending::send);
        self.commands.into_iter().for_each(Command::reply);
        self.flushes.into_iter().for_each(Pending::send);
    }

    /// Sends `error` to the call of a batch of one.
    pub(super) fn refuse(self, error: Error) {
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
        } else if let Some(command) = self.commands.into_iter().next() {
            command.refuse(error);
        }
    }

    /// Batches of one call each, in the order in which they run in a transaction.
    pub(super) fn into_singles(self) -> impl Iterator<Item = Self> {
        let checkpoints = self.checkpoints.into_iter().map(|p| Self { checkpoints: vec![p], ..Self::default() });
        let finishes = self.finishes.into_iter().map(|p| Self { finishes: vec![p], ..Self::default() });
        let commands = self.commands.into_iter().map(|c| Self { commands: vec![c], ..Self::default() });
        let enqueues = self.enqueues.into_iter().map(|p| Self { enqueues: vec![p], ..Self::default() });
        let claims = self.claims.into_iter().map(|p| Self { claims: vec![p], ..Self::default() });
        let flushes = self.flushes.into_iter().map(|p| Self { flushes: vec![p], ..Self::default() });
        checkpoints.chain(finishes).chain(commands).chain(enqueues).chain(claims).chain(flushes)
    }
}

impl<I, A> Pending<I, A> {
    /// A call, and where its answer will arrive.
    pub(super) fn new(input: I) -> (Self, oneshot::Receiver<Result<A>>) {
        let (reply, answer) = oneshot::channel();
        (Self { input, answer: None, reply }, answer)
    }

    pub(in crate::store) const fn input(&self) -> &I {
        &self.input
    }

    /// Runs `act` and keeps its result as the answer. An error by which the whole transaction is lost is no answer.
    ///
    /// # Errors
    /// That error.
    pub(in crate::store) fn decide(&mut self, act: impl FnOnce(&I) -> Result<A>) -> Result<()> {
        match act(&self.input) {
            Err(error) if error.ends_transaction() => Err(error),
            answer => {
                self.answer = Some(answer);
                Ok(())
            }
        }
    }

    /// Keeps `answer` until the transaction is committed.
    pub(in crate::store) fn answer(&mut self, answer: A) {
        self.answer = Some(Ok(answer));
    }

    /// Sends the answer. A caller that has gone away does not need it.
    pub(in crate::store) fn send(self) {
        if let Some(answer) = self.answer {
            let _ = self.reply.send(answer);
        }
    }

    pub(in crate::store) fn refuse(self, error: Error) {
        let _ = self.reply.send(Err(error));
    }

    /// Whether the caller has gone away.
    pub(super) fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }
}

impl PendingClaim {
    /// Whether it has found nothing and is to go on waiting.
    pub(super) fn keeps_waiting(&self) -> bool {
        let nothing = matches!(&self.answer, Some(Ok(claimed)) if claimed.is_empty());
        nothing && self.input.waits.as_ref().is_some_and(|withdrawn| !withdrawn.is_cancelled())
    }
}

/// Returns when the claim that waits is withdrawn; without one, never.
pub(super) async fn withdrawn(waiting: Option<&PendingClaim>) {
    match waiting.and_then(|claim| claim.input.waits.as_ref()) {
        Some(withdrawn) => withdrawn.cancelled().await,
        None => std::future::pending().await,
    }
}

impl Error {
    /// Whether the whole transaction is lost, rather than one call refused.
    pub(super) const fn ends_transaction(&self) -> bool {
        matches!(
            self,
            Self::Full
                | Self::ReadOnly
                | Self::FileLimit
                | Self::Gone
                | Self::Damaged(_)
                | Self::Busy
                | Self::Database(_)
        )
    }
}
