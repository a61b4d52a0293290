//! Reads of snapshots and missed events, shared by streams (single-flight): after a restart all of them begin at once.

use std::sync::Arc;

use bytes::Bytes;
use engine::{DurableEvent, Error, access::Visibility, store::Topics};
use model::{Cursor, JobView, Micros, Seq, Snapshot};

use super::{
    Source,
    encoding::{Encoding, encode_snapshot},
    hub::Hub,
    single_flight::SingleFlight,
};

/// Number of events in one read of the store.
pub(super) const PAGE: usize = 1_000;

/// A result whose error may be shared by several streams.
pub(super) type Shared<T> = Result<T, Arc<Error>>;

/// Durable events in order; `None` if some of them are no longer kept.
type Page = Option<Arc<Vec<Arc<DurableEvent>>>>;

pub(super) struct SnapshotReader {
    source: Arc<dyn Source>,
    position: Arc<SingleFlight<(), Cursor>>,
    snapshots: Arc<SingleFlight<(Topics, Visibility, Encoding), Arc<EncodedSnapshot>>>,
    pages: Arc<SingleFlight<Seq, Page>>,
}

/// A snapshot of everything that a stream shows.
pub(super) struct EncodedSnapshot {
    /// The position at which it is true.
    pub(super) position: Cursor,
    pub(super) jobs: Vec<JobView>,
    pub(super) bytes: Bytes,
}

impl SnapshotReader {
    /// Reads from `source`. Attempts that a snapshot shows as ended are reported to `hub`.
    pub(super) fn new(source: Arc<dyn Source>, hub: Arc<Hub>) -> Arc<Self> {
        let (positions, snapshots, events) = (Arc::clone(&source), Arc::clone(&source), Arc::clone(&source));
        Arc::new(Self {
            source,
            position: SingleFlight::new(move |()| {
                let source = Arc::clone(&positions);
                async move { source.position().await }
            }),
            snapshots: SingleFlight::new(move |(topics, visibility, encoding)| {
                let (source, hub) = (Arc::clone(&snapshots), Arc::clone(&hub));
                async move {
                    let (position, snapshot) = source.snapshot(&topics).await?;
                    hub.mark_ended(&snapshot.jobs);
                    Ok(Arc::new(EncodedSnapshot::new(position, snapshot, &visibility, encoding)))
                }
            }),
            pages: SingleFlight::new(move |after| {
                let source = Arc::clone(&events);
                async move { Ok(source.events_after(after, PAGE as u32).await?.map(Arc::new)) }
            }),
        })
    }

    /// Returns the position of the newest durable event.
    pub(super) async fn position(&self) -> Shared<Cursor> {
        self.position.read(()).await
    }

    /// Returns what `topics` show, without the jobs that are not visible.
    pub(super) async fn snapshot(
        &self,
        topics: Topics,
        visibility: Visibility,
        encoding: Encoding,
    ) -> Shared<Arc<EncodedSnapshot>> {
        // The user's name matters for messages only, and a snapshot has none: readers who see everything share.
        let visibility = if visibility.is_unrestricted() { Visibility::default() } else { visibility };
        self.snapshots.read((topics, visibility, encoding)).await
    }

    /// Returns at most [`PAGE`] events after `seq`.
    pub(super) async fn page_after(&self, seq: Seq) -> Shared<Page> {
        self.pages.read(seq).await
    }

    /// The source, for reads that are not worth sharing.
    pub(super) fn source(&self) -> &dyn Source {
        self.source.as_ref()
    }

    pub(super) fn now(&self) -> Micros {
        self.source.now()
    }
}

impl EncodedSnapshot {
    fn new(position: Cursor, mut snapshot: Snapshot, visibility: &Visibility, encoding: Encoding) -> Self {
        snapshot.seq = position.seq;
        snapshot.jobs.retain(|job| visibility.can_see(job));
        let bytes = encode_snapshot(encoding, &snapshot, Some(&position));
        Self { position, jobs: snapshot.jobs, bytes }
    }
}
