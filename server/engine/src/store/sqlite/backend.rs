//! The database behind the writer: one connection that writes, and what belongs to it.

use std::{sync::Arc, time::Instant};

use rusqlite::Connection;

use super::{SqliteOptions, feed::Feed, files::Files, transaction::Transaction, upkeep::Upkeep};
use crate::{
    Clock, Error, Result,
    files::disk::Disk,
    store::writing::{Batch, Buffered, Command, Committed, Pending, WriteBackend, Writer},
};

/// An infrequent command: the SQL of one method of the store. Whatever it refuses, it must refuse before it writes.
pub(super) trait WriteCommand: Send + 'static {
    /// What the caller gets.
    type Answer: Send + 'static;
    /// See [`Command::adds`].
    const ADDS: bool = false;
    /// Runs it, alone within the transaction.
    fn run(&self, transaction: &mut Transaction<'_>) -> Result<Self::Answer>;
}

/// A [`WriteCommand`] of any type that waits for its answer.
pub(super) trait PendingCommand: Command {
    fn run(&mut self, transaction: &mut Transaction<'_>) -> Result<()>;
}

struct Waiting<C: WriteCommand>(Pending<C, C::Answer>);

impl<C: WriteCommand> Command for Waiting<C> {
    fn adds(&self) -> bool {
        C::ADDS
    }

    fn reply(self: Box<Self>) {
        self.0.send();
    }

    fn refuse(self: Box<Self>, error: Error) {
        self.0.refuse(error);
    }
}

impl<C: WriteCommand> PendingCommand for Waiting<C> {
    fn run(&mut self, transaction: &mut Transaction<'_>) -> Result<()> {
        self.0.decide(|command| command.run(transaction))
    }
}

impl Writer<SqliteBackend> {
    /// Runs an infrequent command and returns its answer after the commit.
    pub(super) async fn run<C: WriteCommand>(&self, command: C) -> Result<C::Answer> {
        self.command(command, |pending| Box::new(Waiting(pending))).await
    }
}

/// The one connection that writes.
pub(super) struct SqliteBackend {
    connection: Connection,
    files: Files,
    clock: Arc<dyn Clock>,
    feed: Feed,
    disk: Option<Arc<Disk>>,
    upkeep: Upkeep,
}

impl SqliteBackend {
    pub(super) fn new(connection: Connection, options: &SqliteOptions, feed: Feed) -> Self {
        Self {
            connection,
            files: Files::of(&options.path),
            clock: Arc::clone(&options.clock),
            feed,
            disk: options.disk.clone(),
            upkeep: Upkeep::default(),
        }
    }

    fn transact(&mut self, batch: &mut Batch<dyn PendingCommand>, buffered: &Buffered) -> Result<Committed> {
        let changes = self.connection.total_changes();
        let mut transaction = Transaction::begin(&mut self.connection, self.clock.now(), &mut self.feed)?;
        transaction.save_progress(buffered)?;
        transaction.save_curves(buffered)?;
        transaction.write_last_used(&buffered.last_used)?;
        for append in buffered.logs().chain(batch.finishes.iter().filter_map(|pending| pending.input().log.as_ref())) {
            transaction.append_log(append)?;
        }
        for pending in &mut batch.checkpoints {
            pending.decide(|save| transaction.save_checkpoint(save))?;
        }
        for pending in &mut batch.finishes {
            pending.decide(|finish| transaction.finish(finish))?;
        }
        for command in &mut batch.commands {
            command.run(&mut transaction)?;
        }
        // One place in the queue for all of them: their numbers order them.
        let in_line = transaction.end_of_queue();
        for pending in &mut batch.enqueues {
            pending.decide(|job| transaction.enqueue(job, in_line))?;
        }
        for pending in &mut batch.claims {
            pending.decide(|claim| transaction.claim(claim))?;
        }
        for pending in &mut batch.flushes {
            pending.answer(());
        }
        let (events, garbage) = transaction.commit()?;
        self.upkeep.note(events.len(), garbage);
        Ok(Committed { events, changed: self.connection.total_changes() > changes })
    }
}

impl WriteBackend for SqliteBackend {
    type Command = dyn PendingCommand;

    async fn run(&mut self, batch: &mut Batch<dyn PendingCommand>, buffered: &Buffered) -> Result<Committed> {
        self.files.check()?;
        self.transact(batch, buffered).map_err(|error| self.files.explain(error))
    }

    fn publish(&mut self, committed: Committed) {
        self.feed.publish(&committed.events);
    }

    fn has_unread_changes(&self) -> bool {
        self.feed.has_unread_changes()
    }

    async fn read_changes(&mut self) -> Result<u64> {
        self.feed.read_changes(&self.connection)
    }

    fn is_short(&self) -> bool {
        self.disk.as_ref().is_some_and(|disk| disk.is_short())
    }

    fn release_reserve(&mut self) {
        if let Some(disk) = &self.disk {
            disk.let_go();
        }
    }

    fn next_upkeep(&self) -> Instant {
        self.upkeep.next()
    }

    async fn upkeep(&mut self) {
        self.upkeep.run(&mut self.connection, self.clock.now());
    }

    async fn close(self) -> Result<()> {
        self.connection.close().map_err(|(_, error)| error.into())
    }
}
