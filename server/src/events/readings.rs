//! What streams read when they begin: shared, because after a restart all of them begin at once.

use std::sync::Arc;

use bytes::Bytes;
use engine::{DurableEvent, Error, access::Sight, store::Topics};
use model::{Cursor, JobView, Micros, Seq, Snapshot};

use super::{Source, together::Together};
use crate::hub::{Form, Hub, encode_snapshot};

/// Events read from the store at once.
pub(super) const PAGE: usize = 1_000;

/// An answer, or an error that several may have met.
pub(super) type Shared<T> = Result<T, Arc<Error>>;

/// Durable events in order; `None` where some of them are no longer kept.
type Page = Option<Arc<Vec<Arc<DurableEvent>>>>;

/// The readings of all streams.
pub(super) struct Readings {
    source: Arc<dyn Source>,
    position: Arc<Together<(), Cursor>>,
    whole: Arc<Together<(Topics, Sight, Form), Arc<Whole>>>,
    pages: Arc<Together<Seq, Page>>,
}

/// A snapshot of all that somebody's stream shows.
pub(super) struct Whole {
    /// What it is true at.
    pub(super) position: Cursor,
    /// The jobs in it.
    pub(super) jobs: Vec<JobView>,
    /// All of it, as it is sent.
    pub(super) bytes: Bytes,
}

impl Readings {
    /// Of `source`. What they say is settled with `hub`.
    pub(super) fn new(source: Arc<dyn Source>, hub: Arc<Hub>) -> Arc<Self> {
        let (positions, wholes, events) = (Arc::clone(&source), Arc::clone(&source), Arc::clone(&source));
        Arc::new(Self {
            source,
            position: Together::new(move |()| {
                let source = Arc::clone(&positions);
                async move { source.position().await }
            }),
            whole: Together::new(move |(topics, sight, form)| {
                let (source, hub) = (Arc::clone(&wholes), Arc::clone(&hub));
                async move {
                    let (position, snapshot) = source.snapshot(&topics).await?;
                    hub.settle(&snapshot.jobs);
                    Ok(Arc::new(Whole::new(position, snapshot, &sight, form)))
                }
            }),
            pages: Together::new(move |after| {
                let source = Arc::clone(&events);
                async move { Ok(source.events_after(after, PAGE as u32).await?.map(Arc::new)) }
            }),
        })
    }

    /// The newest durable event.
    pub(super) async fn position(&self) -> Shared<Cursor> {
        self.position.read(()).await
    }

    /// What `topics` show of what is in `sight`.
    pub(super) async fn whole(&self, topics: Topics, sight: Sight, form: Form) -> Shared<Arc<Whole>> {
        self.whole.read((topics, sight, form)).await
    }

    /// At most [`PAGE`] events after `seq`.
    pub(super) async fn page_after(&self, seq: Seq) -> Shared<Page> {
        self.pages.read(seq).await
    }

    /// For what nobody else asks in the same words.
    pub(super) fn source(&self) -> &dyn Source {
        self.source.as_ref()
    }

    /// The wall clock.
    pub(super) fn now(&self) -> Micros {
        self.source.now()
    }
}

impl Whole {
    fn new(position: Cursor, mut snapshot: Snapshot, sight: &Sight, form: Form) -> Self {
        snapshot.seq = position.seq;
        snapshot.jobs.retain(|job| sight.sees(job));
        let bytes = encode_snapshot(form, &snapshot, Some(&position));
        Self { position, jobs: snapshot.jobs, bytes }
    }
}
