//! Who listens: what they may hear, and until when.

use std::{collections::BTreeSet, fmt, sync::Arc};

use engine::{access::Sight, store::Topics};
use futures_util::future::BoxFuture;
use model::JobId;

use super::{Reader, Source, answer::Refusal};

/// What whoever opens a stream may hear of it; an extension of every request for one.
#[derive(Clone, Default)]
pub struct Listening {
    /// Which jobs are in sight.
    pub sight: Sight,
    /// Waits until that is no longer so; `None` where it stays.
    pub until_revoked: Option<Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>>,
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
