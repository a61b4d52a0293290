//! History of a kind: durations and silences of its recent runs, read from the store at most once a minute.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use eta::History;
use model::QUIET_AFTER;

use crate::store::{PastRun, Store};

/// Time until a cached history is read again.
const REFRESH_EVERY: Duration = Duration::from_mins(1);
/// A run is quiet after this multiple of the longest usual silence of its kind.
const QUIET_FACTOR: f64 = 3.0;
/// Least number of runs for an estimate of the usual silence.
const QUIET_RUNS: usize = 3;

/// Statistics of the recent successful runs of a kind.
#[derive(Debug, Default)]
pub(crate) struct KindHistory {
    /// Usual pace of its runs.
    pub(crate) history: Option<Arc<History>>,
    /// Seconds without a report after which a run is quiet, if that is more than [`QUIET_AFTER`].
    pub(crate) quiet_after: Option<f64>,
    /// Their inputs, except large ones.
    inputs: HashSet<String>,
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
        let inputs = runs.iter().filter_map(|run| run.input.clone()).collect();
        Self { history, quiet_after, inputs }
    }

    /// Whether a run had this input: only then do their durations apply to a stage whose total is unknown.
    pub(crate) fn knows(&self, input: &str) -> bool {
        self.inputs.contains(input)
    }
}

/// A cached history.
#[derive(Clone, Debug, Default)]
pub(crate) struct HistoryLookup {
    /// Empty: the store has not returned anything yet.
    pub(crate) kind_history: Arc<KindHistory>,
    /// Without the newest runs: the store is being read.
    pub(crate) stale: bool,
}

/// Cache of the history of one kind.
#[derive(Debug, Default)]
pub(crate) struct HistoryCache(Mutex<CachedHistory>);

#[derive(Debug, Default)]
struct CachedHistory {
    asked: Option<Instant>,
    lookup: HistoryLookup,
}

impl HistoryCache {
    /// The cached history, and whether it is stale: then the caller reads the store.
    pub(crate) fn lookup(&self, now: Instant) -> (HistoryLookup, bool) {
        let mut entry = self.entry();
        let refresh = entry.asked.is_none_or(|asked| now.saturating_duration_since(asked) >= REFRESH_EVERY);
        if refresh {
            entry.asked = Some(now);
            entry.lookup.stale = true;
        }
        (entry.lookup.clone(), refresh)
    }

    /// Reads the store. After an error the cached history stays.
    pub(crate) async fn refresh(&self, store: &dyn Store, kind: &str, stages: usize) {
        let kind_history = match store.recent_runs(kind).await {
            Ok(runs) => Some(Arc::new(KindHistory::of(stages, &runs))),
            Err(error) => {
                tracing::warn!(kind, %error, "cannot read the history of a kind; using the cached one");
                None
            }
        };
        self.store_answer(kind_history);
    }

    fn store_answer(&self, kind_history: Option<Arc<KindHistory>>) {
        let lookup = &mut self.entry().lookup;
        lookup.stale = false;
        if let Some(kind_history) = kind_history {
            lookup.kind_history = kind_history;
        }
    }

    fn entry(&self) -> MutexGuard<'_, CachedHistory> {
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
        let (cache, now) = (HistoryCache::default(), Instant::now());
        let asks = |seconds| cache.lookup(now + Duration::from_secs(seconds)).1;
        assert_eq!([asks(0), asks(1), asks(59), asks(60), asks(61)], [true, false, false, true, false]);
    }

    #[test]
    fn stale_kind_history_is_kept_if_the_store_fails() {
        let (cache, now) = (HistoryCache::default(), Instant::now());
        let lookup = |seconds| {
            let HistoryLookup { kind_history, stale } = cache.lookup(now + Duration::from_secs(seconds)).0;
            (kind_history.quiet_after.is_some(), stale)
        };
        assert_eq!(lookup(0), (false, true));
        cache.store_answer(Some(Arc::new(KindHistory { quiet_after: Some(60.0), ..KindHistory::default() })));
        assert_eq!(lookup(1), (true, false));
        assert_eq!([lookup(100), lookup(101)], [(true, true); 2], "the store is asked what has run since");
        cache.store_answer(None);
        assert_eq!(lookup(102), (true, false));
    }
}
