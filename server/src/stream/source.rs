//! The source that streams read snapshots and missed events from.

use std::sync::Arc;

use async_trait::async_trait;
use engine::{DurableEvent, Engine, Result, store::Topics};
use model::{Cursor, Micros, Seq, Snapshot};

/// State and log of the events that the [`Hub`](super::Hub) receives.
#[async_trait]
pub trait Source: Send + Sync + 'static {
    /// Returns the position of the newest durable event.
    async fn position(&self) -> Result<Cursor>;
    /// Returns what `topics` show, and the position at which it is true.
    async fn snapshot(&self, topics: &Topics) -> Result<(Cursor, Snapshot)>;
    /// Returns durable events after `seq` in order, at most `limit`; `None` if some of them are no longer kept.
    async fn events_after(&self, seq: Seq, limit: u32) -> Result<Option<Vec<Arc<DurableEvent>>>>;
    /// The wall clock.
    fn now(&self) -> Micros;
}

#[async_trait]
impl Source for Engine {
    async fn position(&self) -> Result<Cursor> {
        self.store().position().await
    }

    async fn snapshot(&self, topics: &Topics) -> Result<(Cursor, Snapshot)> {
        let (position, mut snapshot) = self.store().snapshot(topics).await?;
        self.freshen(&mut snapshot.jobs);
        Ok((position, snapshot))
    }

    async fn events_after(&self, seq: Seq, limit: u32) -> Result<Option<Vec<Arc<DurableEvent>>>> {
        self.store().events_after(seq, limit).await
    }

    fn now(&self) -> Micros {
        Engine::now(self)
    }
}
