//! Who listens: what they may hear, and until when.

use std::{collections::BTreeSet, fmt, sync::Arc};

use engine::{access::Sight, store::Topics};
use model::JobId;

use super::{Reader, Source, answer::Refusal};

/// What closes a stream.
pub type Closing = Box<dyn FnOnce() + Send>;
/// A stream is watched until this is dropped.
pub type Watching = Box<dyn Send + Sync>;
/// Calls what it is given once somebody may not hear any more what they could at first.
pub type Watch = dyn Fn(Closing) -> Watching + Send + Sync;

/// What whoever opens a stream may hear of it; an extension of every request for one.
#[derive(Clone, Default)]
pub struct Listening {
    /// Which jobs are in sight.
    pub sight: Sight,
    /// Watches whether that is still so; `None` where it stays.
    pub watch: Option<Arc<Watch>>,
    /// Whose streams are counted together with it.
    pub reader: Reader,
}

impl fmt::Debug for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listening").field("sight", &self.sight).finish_non_exhaustive()
    }
}

impl Listening {
    /// Takes out of `topics` the jobs that are out of sight, and those that are not there: whoever comes to have that
    /// number may be.
    pub(super) async fn narrow(&self, topics: &mut Topics, source: &dyn Source) -> Result<(), Refusal> {
        if self.sight.is_whole() || (topics.job.is_empty() && topics.row.is_empty()) {
            return Ok(());
        }
        let named = Topics { row: topics.job.union(&topics.row).copied().collect(), ..Topics::default() };
        let (_, snapshot) = source.snapshot(&named).await?;
        let seen: BTreeSet<JobId> =
            snapshot.jobs.iter().filter(|job| self.sight.sees(job)).map(|job| job.job).collect();
        topics.job.retain(|job| seen.contains(job));
        topics.row.retain(|job| seen.contains(job));
        Ok(())
    }
}
