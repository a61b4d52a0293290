//! What streams read from the engine.

use std::sync::Arc;

use async_trait::async_trait;
use engine::{DurableEvent, Engine, Result, store::Topics};
use model::{Cursor, Micros, Seq, Snapshot};

/// The past and the present of what the [`crate::hub::Hub`] hears.
#[async_trait]
pub trait Source: Send + Sync + 'static {
    /// The newest durable event.
    async fn position(&self) -> Result<Cursor>;
    /// What `topics` show, and the position it is true at.
    async fn snapshot(&self, topics: &Topics) -> Result<(Cursor, Snapshot)>;
    /// Durable events after `seq` in order, at most `limit`; `None` where some of them are no longer kept.
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
