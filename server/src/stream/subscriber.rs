//! The subscriber of a stream: what it may see, until when, and by what it is counted.

use std::{collections::BTreeSet, fmt};

use engine::{access::Visibility, store::Topics};
use model::JobId;

use super::{Source, response::Rejection, revoke::Revocation};
use crate::limits::StreamOwner;

/// The subscriber of an event stream; an extension of each request for one.
#[derive(Clone, Default)]
pub struct Subscriber {
    /// The jobs that it may see.
    pub visibility: Visibility,
    /// Closes the stream once that is no longer true; `None` without accounts.
    pub revocation: Option<Revocation>,
    /// By what the stream is counted.
    pub owner: StreamOwner,
}

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber").field("visibility", &self.visibility).finish_non_exhaustive()
    }
}

impl Subscriber {
    /// Removes from `topics` jobs that are not visible. Also those that do not exist: a later job with that number may
    /// not be visible.
    pub(super) async fn retain_visible(&self, topics: &mut Topics, source: &dyn Source) -> Result<(), Rejection> {
        if self.visibility.is_unrestricted() || (topics.job.is_empty() && topics.row.is_empty()) {
            return Ok(());
        }
        let named = Topics { row: topics.job.union(&topics.row).copied().collect(), ..Topics::default() };
        let (_, snapshot) = source.snapshot(&named).await?;
        let visible: BTreeSet<JobId> =
            snapshot.jobs.iter().filter(|job| self.visibility.can_see(job)).map(|job| job.job).collect();
        topics.job.retain(|job| visible.contains(job));
        topics.row.retain(|job| visible.contains(job));
        Ok(())
    }
}
