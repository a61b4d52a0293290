//! History of a kind: durations and silences of its recent runs, read from the store at most once a minute.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use eta::History;
use model::QUIET_AFTER;

use crate::store::{PastRun, Store};

/// How long what was learned is used before the store is asked again.
const LEARNED_FOR: Duration = Duration::from_mins(1);
/// A run is quiet after this multiple of the longest silence that is usual in its kind.
const QUIET_FACTOR: f64 = 3.0;
/// Least number of runs from which the usual silence is learned.
const QUIET_RUNS: usize = 3;

/// What the recent successful runs of a kind show.
#[derive(Debug, Default)]
pub(crate) struct KindHistory {
    /// How its runs go.
    pub(crate) history: Option<Arc<History>>,
    /// Seconds without a report after which one is quiet, where that is longer than [`QUIET_AFTER`].
    pub(crate) quiet_after: Option<f64>,
}

impl KindHistory {
    /// History from the runs of a kind with `stages` stages, newest first.
    pub(crate) fn of(stages: usize, runs: &[PastRun]) -> Self {
        let told: Vec<_> = runs.iter().map(|run| run.curve.run(stages, &run.stage_seconds, run.seconds)).collect();
        let history = History::learn(stages.max(1), &told).map(Arc::new);
        let mut gaps: Vec<f64> = runs.iter().map(|run| run.curve.longest_gap).filter(|gap| *gap > 0.0).collect();
        gaps.sort_unstable_by(f64::total_cmp);
        let usual = gaps.get(gaps.len() / 2).filter(|_| gaps.len() >= QUIET_RUNS);
        let quiet_after = usual.map(|usual| (usual * QUIET_FACTOR).round()).filter(|after| *after > QUIET_AFTER);
        Self { history, quiet_after }
    }
}

/// A cached history.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// Nothing of its runs before the store has answered for the first time.
    pub(crate) learned: Arc<KindHistory>,
    /// It misses the newest runs: the store is being asked for them.
    pub(crate) stale: bool,
}

/// Cache of the history of one kind.
#[derive(Debug, Default)]
pub(crate) struct HistoryCache(Mutex<CachedHistory>);

#[derive(Debug, Default)]
struct CachedHistory {
    asked: Option<Instant>,
    known: Known,
}

impl HistoryCache {
    /// The cached history, and whether it is stale: then the caller reads the store again.
    pub(crate) fn known(&self, now: Instant) -> (Known, bool) {
        let mut lesson = self.lesson();
        let ask = lesson.asked.is_none_or(|asked| now.saturating_duration_since(asked) >= LEARNED_FOR);
        if ask {
            lesson.asked = Some(now);
            lesson.known.stale = true;
        }
        (lesson.known.clone(), ask)
    }

    /// Asks the store. Where it fails, what was known stays.
    pub(crate) async fn ask(&self, store: &dyn Store, kind: &str, stages: usize) {
        let learned = match store.recent_runs(kind).await {
            Ok(runs) => Some(Arc::new(KindHistory::of(stages, &runs))),
            Err(error) => {
                tracing::warn!(kind, %error, "the history of a kind cannot be read; its runs are estimated by what was known");
                None
            }
        };
        self.answered(learned);
    }

    fn answered(&self, learned: Option<Arc<KindHistory>>) {
        let known = &mut self.lesson().known;
        known.stale = false;
        if let Some(learned) = learned {
            known.learned = learned;
        }
    }

    fn lesson(&self) -> MutexGuard<'_, CachedHistory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Curve;

    fn silent_for(gap: f64) -> PastRun {
        PastRun { seconds: 100.0, curve: Curve { longest_gap: gap, ..Curve::default() }, ..PastRun::default() }
    }

    #[test]
    fn quiet_threshold_is_three_silences_and_at_least_30_s() {
        let after =
            |gaps: &[f64]| KindHistory::of(1, &gaps.iter().copied().map(silent_for).collect::<Vec<_>>()).quiet_after;
        assert_eq!(after(&[40.0, 60.0, 50.0, 900.0]), Some(180.0));
        assert_eq!(after(&[2.0, 3.0, 2.5]), None, "half a minute is right for them");
        assert_eq!(after(&[40.0, 60.0]), None, "two runs are not enough to know");
        assert_eq!(after(&[]), None);
    }

    #[test]
    fn kind_history_is_read_once_a_minute() {
        let (lessons, now) = (HistoryCache::default(), Instant::now());
        let asks = |seconds| lessons.known(now + Duration::from_secs(seconds)).1;
        assert_eq!([asks(0), asks(1), asks(59), asks(60), asks(61)], [true, false, false, true, false]);
    }

    #[test]
    fn stale_kind_history_is_kept_if_the_store_fails() {
        let (lessons, now) = (HistoryCache::default(), Instant::now());
        let known = |seconds| {
            let Known { learned, stale } = lessons.known(now + Duration::from_secs(seconds)).0;
            (learned.quiet_after.is_some(), stale)
        };
        assert_eq!(known(0), (false, true));
        lessons.answered(Some(Arc::new(KindHistory { quiet_after: Some(60.0), ..KindHistory::default() })));
        assert_eq!(known(1), (true, false));
        assert_eq!([known(100), known(101)], [(true, true); 2], "the store is asked what has run since");
        lessons.answered(None);
        assert_eq!(known(102), (true, false));
    }
}
