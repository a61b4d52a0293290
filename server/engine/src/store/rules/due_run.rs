//! Due runs of a schedule: which start, wait, replace others or are skipped, by the schedule's overlap policy.

use model::{JobId, Micros};

use crate::{
    Error, Result,
    store::{Fire, Overlap, Skip, SkipReason},
};

/// What is decided about the runs of one [`Fire`].
pub(in crate::store) struct DueRuns {
    /// Runs under way before, oldest first.
    under_way: Vec<JobId>,
    /// Runs that wait, oldest first.
    pub(in crate::store) waiting: Vec<Micros>,
    /// Runs that waited, or came to wait, and no longer do.
    pub(in crate::store) taken: Vec<Micros>,
    /// Runs that are not started, with the job that stood in the way.
    pub(in crate::store) skipped: Vec<(Skip, Option<JobId>)>,
    /// Runs to be asked to stop.
    pub(in crate::store) cancelled: Vec<JobId>,
}

impl DueRuns {
    /// Decides about each run that is due. Missed runs come first; they are older.
    pub(in crate::store) fn decide(
        fire: &Fire,
        overlap: Overlap,
        under_way: Vec<JobId>,
        mut waiting: Vec<Micros>,
    ) -> Self {
        waiting.extend(&fire.made_up);
        let skipped = fire.skipped.into_iter().map(|skip| (skip, None)).collect();
        let mut runs = Self { under_way, waiting, taken: Vec::new(), skipped, cancelled: Vec::new() };
        for due in fire.due.iter().copied() {
            runs.add(due, overlap);
        }
        runs
    }

    fn add(&mut self, due: Micros, overlap: Overlap) {
        let newest = self.under_way.last().copied();
        if newest.is_none() && self.waiting.is_empty() {
            self.waiting.push(due);
            return;
        }
        match overlap {
            Overlap::Skip => self.skip(due, SkipReason::Overlap, newest),
            Overlap::Queue if self.waiting.is_empty() => self.waiting.push(due),
            Overlap::Queue => self.skip(due, SkipReason::OneWaits, newest),
            Overlap::Cancel => {
                for older in std::mem::take(&mut self.waiting) {
                    self.skip(older, SkipReason::Superseded, newest);
                    self.taken.push(older);
                }
                self.cancelled.clone_from(&self.under_way);
                self.waiting.push(due);
            }
        }
    }

    /// Takes the run that starts now: the first that waits, if no run is under way.
    pub(in crate::store) fn take_next(&mut self) -> Option<Micros> {
        if !self.under_way.is_empty() || self.waiting.is_empty() {
            return None;
        }
        let due = self.waiting.remove(0);
        self.taken.push(due);
        Some(due)
    }

    /// Skips a run because of `job`.
    pub(in crate::store) fn skip(&mut self, due: Micros, why: SkipReason, job: Option<JobId>) {
        self.skipped.push((Skip { due, last_due: due, runs: 1, why }, job));
    }
}

/// The runs that wait for a schedule which is paused, as one skip.
pub(in crate::store) fn skipped_by_pause(waiting: &[Micros]) -> Option<Skip> {
    let (due, last_due) = (*waiting.first()?, *waiting.last()?);
    Some(Skip { due, last_due, runs: waiting.len() as u64, why: SkipReason::Paused })
}

/// Refuses a change of the schedule `name` that was made from another revision.
pub(in crate::store) fn check_revision(name: &str, found: i64, expected: i64) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    let message = format!("schedule {name} was changed meanwhile; look at it again");
    Err(Error::Refused { code: "changed_meanwhile", message })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{NewJob, ScheduleId};

    fn decide(overlap: Overlap, under_way: &[i64], waiting: &[i64], due: &[i64]) -> DueRuns {
        let fire = Fire {
            schedule: ScheduleId(1),
            revision: 1,
            seen: None,
            next_at: None,
            due: due.iter().copied().map(Micros).collect(),
            made_up: Vec::new(),
            skipped: None,
            job: NewJob::of("scale"),
        };
        let under_way = under_way.iter().copied().map(JobId).collect();
        DueRuns::decide(&fire, overlap, under_way, waiting.iter().copied().map(Micros).collect())
    }

    fn skips(runs: &DueRuns) -> Vec<(i64, SkipReason)> {
        runs.skipped.iter().map(|(skip, _)| (skip.due.0, skip.why)).collect()
    }

    #[test]
    fn free_schedule_starts_the_first_due_run() {
        for overlap in Overlap::ALL {
            let mut runs = decide(overlap, &[], &[], &[10]);
            assert_eq!((runs.take_next(), runs.waiting.len()), (Some(Micros(10)), 0), "{overlap:?}");
        }
    }

    #[test]
    fn due_run_is_skipped_queued_or_replaces_by_policy() {
        let mut skip = decide(Overlap::Skip, &[1], &[], &[10]);
        assert_eq!((skip.take_next(), skips(&skip)), (None, vec![(10, SkipReason::Overlap)]));

        let mut queue = decide(Overlap::Queue, &[1], &[], &[10, 20]);
        assert_eq!((queue.take_next(), queue.waiting.as_slice()), (None, [Micros(10)].as_slice()));
        assert_eq!(skips(&queue), [(20, SkipReason::OneWaits)]);

        let cancel = decide(Overlap::Cancel, &[1, 2], &[5], &[10]);
        assert_eq!(
            (cancel.cancelled.as_slice(), cancel.waiting.as_slice()),
            ([JobId(1), JobId(2)].as_slice(), [Micros(10)].as_slice())
        );
        assert_eq!(
            (skips(&cancel), cancel.taken.as_slice()),
            (vec![(5, SkipReason::Superseded)], [Micros(5)].as_slice())
        );
    }

    #[test]
    fn pause_skips_all_waiting_runs_as_one() {
        let skip = skipped_by_pause(&[Micros(5), Micros(9)]).expect("two wait");
        assert_eq!((skip.due, skip.last_due, skip.runs, skip.why), (Micros(5), Micros(9), 2, SkipReason::Paused));
        assert_eq!(skipped_by_pause(&[]), None);
    }
}
