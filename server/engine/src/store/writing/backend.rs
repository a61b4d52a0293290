//! The database behind the writer.

use std::{sync::Arc, time::Instant};

use super::{Batch, Buffered, Command};
use crate::{Result, store::DurableEvent};

/// A database that the writer commits to. Only the writer's thread calls it, so a call may block that thread.
pub(in crate::store) trait WriteBackend: Send + 'static {
    /// Infrequent commands, of any type, as this database runs them.
    type Command: Command + ?Sized;

    /// Runs `batch` and writes `buffered` in one transaction, commits it, and keeps the answer of each call with it.
    ///
    /// The order is: buffered writes and checkpoints, because a finish makes them stale; finishes; commands; enqueues;
    /// and claims last, because they take what was enqueued. A call that is refused changes nothing and is an answer;
    /// the others are committed.
    ///
    /// # Errors
    /// Those by which the whole transaction is lost, [`crate::Error::ends_transaction`]. Nothing is changed then.
    async fn run(&mut self, batch: &mut Batch<Self::Command>, buffered: &Buffered) -> Result<Committed>;

    /// Notifies the listener of the events of a commit.
    fn publish(&mut self, committed: Committed);

    /// Whether other processes have written something that [`WriteBackend::read_changes`] has not read, although the
    /// writer was not woken for it.
    fn has_unread_changes(&self) -> bool;

    /// Reads what other processes have written and notifies the listener of it. Returns how many jobs are queued.
    async fn read_changes(&mut self) -> Result<u64>;

    /// Whether the disk is so full that only calls which end or remove something may write.
    fn is_short(&self) -> bool;

    /// Gives the database the disk space that is reserved for it, if there is a reserve.
    fn release_reserve(&mut self);

    /// When the next step of upkeep is due.
    fn next_upkeep(&self) -> Instant;

    /// Takes one step of upkeep, a few milliseconds long.
    async fn upkeep(&mut self);

    /// Closes the connection.
    async fn close(self) -> Result<()>;
}

/// A committed transaction.
pub(in crate::store) struct Committed {
    /// Its events, now durable, in order.
    pub(in crate::store) events: Vec<Arc<DurableEvent>>,
    /// Whether it wrote anything. One that did not succeeds on a full or read-only disk, too.
    pub(in crate::store) changed: bool,
}
