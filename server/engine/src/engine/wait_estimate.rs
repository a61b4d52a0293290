//! Estimate of the time until a queued job starts, from the usual durations of the jobs before it.

use std::collections::HashMap;

use model::{JobState, JobView, Micros};

use crate::{
    Engine, Result,
    access::Visibility,
    store::{ListQuery, PageAt},
};

/// Most jobs considered, of those running and of those waiting.
const MOST: u32 = 200;

impl Engine {
    /// Estimated seconds until a queued job starts, if only slots keep it and the jobs before it waiting. `None` if
    /// that is unknown: it is far back in the queue, its kind has a limit of its own, or a job before it is of a kind
    /// that has never succeeded.
    ///
    /// # Errors
    /// `Error::Database`.
    pub async fn starts_in(&self, job: &JobView) -> Result<Option<f64>> {
        let limited = self.task(&job.kind).is_none_or(|task| task.limit.is_some());
        let (Some(position), false) = (job.position, limited) else { return Ok(None) };
        let list = |state| ListQuery { states: vec![state], limit: MOST, ..ListQuery::default() };
        // The first in the queue are among the oldest, unless urgent jobs came before them.
        let queued = ListQuery { at: Some(PageAt::Oldest), ..list(JobState::Queued) };
        let running = list(JobState::Running);
        let (store, everybody) = (self.store(), Visibility::default());
        let (mut running, queued, stats) =
            tokio::try_join!(store.page(&running), store.page(&queued), store.kind_stats(&everybody))?;
        let ahead: Vec<&JobView> =
            queued.jobs.iter().filter(|other| other.position.is_some_and(|place| place < position)).collect();
        if running.older || ahead.len() + 1 != position as usize {
            return Ok(None);
        }
        self.freshen(&mut running.jobs);
        let usual: HashMap<_, _> =
            stats.into_iter().filter_map(|stats| Some((stats.kind, stats.usual_seconds?))).collect();
        let now = self.now();
        let left = running.jobs.iter().map(|job| left(job, usual.get(&job.kind).copied(), now)).collect();
        let ahead = ahead.iter().map(|job| usual.get(&job.kind).copied().unwrap_or(f64::INFINITY));
        Ok(Some(start(left, self.concurrency() as usize, ahead)).filter(|seconds| seconds.is_finite()))
    }
}

/// Estimated seconds left of a running job: its forecast, else the usual duration of its kind, or a little more if it
/// has already taken that long.
fn left(job: &JobView, usual: Option<f64>, now: Micros) -> f64 {
    let taken = job.work_time(now).unwrap_or_default();
    match (job.progress.eta, usual) {
        (Some(eta), _) => f64::midpoint(eta.low, eta.high),
        (None, Some(usual)) => (usual - taken).max(taken / 5.0),
        (None, None) => f64::INFINITY,
    }
}

/// Seconds until the job after those `ahead`, given by their durations, gets a slot. `left` are the seconds until each
/// taken slot is free.
fn start(mut left: Vec<f64>, slots: usize, ahead: impl Iterator<Item = f64>) -> f64 {
    left.resize(left.len().max(slots), 0.0);
    let mut next = |takes: f64| {
        let slot = left.iter_mut().min_by(|a, b| a.total_cmp(b));
        slot.map_or(f64::INFINITY, |slot| {
            let free = *slot;
            *slot += takes;
            free
        })
    };
    ahead.for_each(|takes| {
        next(takes);
    });
    next(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The wait without unknown durations.
    fn starts(left: &[f64], slots: usize, ahead: &[f64]) -> Option<f64> {
        Some(start(left.to_vec(), slots, ahead.iter().copied())).filter(|seconds| seconds.is_finite())
    }

    #[test]
    fn first_in_queue_starts_at_the_first_free_slot() {
        assert_eq!(starts(&[90.0, 30.0], 2, &[]), Some(30.0));
        assert_eq!(starts(&[90.0], 2, &[]), Some(0.0));
    }

    #[test]
    fn wait_includes_jobs_before_it() {
        assert_eq!(starts(&[90.0, 30.0], 2, &[100.0]), Some(90.0));
        assert_eq!(starts(&[90.0, 30.0], 2, &[10.0, 10.0]), Some(50.0));
        assert_eq!(starts(&[10.0], 1, &[100.0, 100.0]), Some(210.0));
    }

    #[test]
    fn unknown_duration_has_no_wait_estimate() {
        assert_eq!(starts(&[f64::INFINITY], 1, &[]), None);
        assert_eq!(starts(&[5.0], 1, &[f64::INFINITY]), None);
        assert_eq!(starts(&[], 0, &[]), None);
    }

    #[test]
    fn running_job_uses_time_left_or_typical_duration() {
        let started = Micros(0);
        let job = JobView { started_at: Some(started), ..JobView::new(model::JobId(1), "a", "A", "ann", started) };
        let told = |seconds: i64, usual| Some(left(&job, usual, Micros(seconds * 1_000_000)));
        assert_eq!(told(20, Some(60.0)), Some(40.0));
        assert_eq!(told(100, Some(60.0)), Some(20.0), "longer than usual");
        assert_eq!(told(100, None), Some(f64::INFINITY));
    }
}
