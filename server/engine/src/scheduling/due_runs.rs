//! Due runs: decides which runs of a schedule start, catch up or are skipped, from its plan and two instants.

use std::{collections::VecDeque, time::Duration};

use cron::Cron;
use model::Micros;

use crate::store::{Missed, Skip, SkipReason};

/// A run noticed later than this was missed.
pub(crate) const LATE: Duration = Duration::from_mins(1);
/// Most missed runs considered; of more, only those of the last week.
const ONE_BY_ONE: u64 = 10_000;
const WEEK: Duration = Duration::from_hours(7 * 24);

/// Decision on the runs that were due.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct DueRuns {
    /// Starts now, subject to the overlap policy.
    pub(crate) due: Vec<Micros>,
    /// Missed runs that start one after the other.
    pub(crate) made_up: Vec<Micros>,
    /// Skipped runs.
    pub(crate) skipped: Option<Skip>,
    /// Time of the next run.
    pub(crate) next_at: Option<Micros>,
}

/// Decides at `now` on a schedule whose next run was due at `seen`. Every run from `seen` to `now` is handled once,
/// even if the clock was changed in between.
pub(crate) fn due_runs(parse_cron: &Cron, seen: Option<Micros>, now: Micros, missed: Missed) -> DueRuns {
    let mut due_runs_of = DueRuns { next_at: seen, ..DueRuns::default() };
    let mut kept = VecDeque::new();
    let most = missed.most() as usize;
    let mut looked_at = 0;
    while let Some(at) = due_runs_of.next_at.filter(|at| *at <= now) {
        looked_at += 1;
        let from = if looked_at == ONE_BY_ONE { at.max(before(now, WEEK)) } else { at };
        due_runs_of.next_at = parse_cron.next_after(from);
        if at >= before(now, LATE) && due_runs_of.next_at.is_none_or(|next| next > now) {
            due_runs_of.due.push(at);
        } else {
            kept.push_back(at);
            if kept.len() > most {
                due_runs_of.skipped = kept.pop_front().map(|at| one_more(due_runs_of.skipped, at));
            }
        }
    }
    match missed {
        // The run that is due now also makes up for the missed ones.
        Missed::Once if !due_runs_of.due.is_empty() => {
            for at in kept {
                due_runs_of.skipped = Some(one_more(due_runs_of.skipped, at));
            }
        }
        Missed::Once => due_runs_of.due.extend(kept),
        Missed::Skip | Missed::All(_) if kept.is_empty() => {}
        // The run that is due now is queued after them; else it would be skipped in favour of the missed ones.
        Missed::Skip | Missed::All(_) => {
            due_runs_of.made_up.extend(kept);
            due_runs_of.made_up.append(&mut due_runs_of.due);
        }
    }
    due_runs_of
}

fn before(now: Micros, span: Duration) -> Micros {
    Micros(now.0 - span.as_micros() as i64)
}

fn one_more(skipped: Option<Skip>, at: Micros) -> Skip {
    let first = Skip { due: at, last_due: at, runs: 0, why: SkipReason::Missed };
    let skip = skipped.unwrap_or(first);
    Skip { last_due: at, runs: skip.runs + 1, ..skip }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000_000;

    /// At each full ten minutes.
    fn every_ten() -> Cron {
        Cron::parse("*/10 * * * *", "UTC").expect("it is one")
    }

    fn at(minutes: i64) -> Micros {
        Micros(minutes * MINUTE)
    }

    fn skip(due: i64, last_due: i64, runs: u64) -> Skip {
        Skip { due: at(due), last_due: at(last_due), runs, why: SkipReason::Missed }
    }

    #[test]
    fn run_on_time_is_due_and_next_follows() {
        let due_runs_of = due_runs(&every_ten(), Some(at(10)), Micros(at(10).0 + 999), Missed::Skip);
        assert_eq!(due_runs_of, DueRuns { due: vec![at(10)], next_at: Some(at(20)), ..DueRuns::default() });
    }

    #[test]
    fn no_run_is_due_before_its_time() {
        let due_runs_of = due_runs(&every_ten(), Some(at(10)), Micros(at(10).0 - 1), Missed::All(5));
        assert_eq!(due_runs_of, DueRuns { next_at: Some(at(10)), ..DueRuns::default() });
    }

    #[test]
    fn missed_runs_follow_the_policy() {
        let now = at(45);
        let of = |missed| due_runs(&every_ten(), Some(at(10)), now, missed);
        let next_at = Some(at(50));
        assert_eq!(of(Missed::Skip), DueRuns { skipped: Some(skip(10, 40, 4)), next_at, ..DueRuns::default() });
        assert_eq!(
            of(Missed::Once),
            DueRuns { due: vec![at(40)], skipped: Some(skip(10, 30, 3)), next_at, ..DueRuns::default() }
        );
        assert_eq!(
            of(Missed::All(3)),
            DueRuns {
                made_up: vec![at(20), at(30), at(40)],
                skipped: Some(skip(10, 10, 1)),
                next_at,
                ..DueRuns::default()
            }
        );
        assert_eq!(of(Missed::All(100)).made_up.len(), 4);
    }

    #[test]
    fn run_on_time_follows_catch_up_runs() {
        let now = at(40);
        let of = |missed| due_runs(&every_ten(), Some(at(10)), now, missed);
        assert_eq!(of(Missed::Once).due, [at(40)]);
        assert_eq!(of(Missed::Once).skipped, Some(skip(10, 30, 3)));
        assert_eq!(of(Missed::All(2)).due, []);
        assert_eq!(of(Missed::All(2)).made_up, [at(20), at(30), at(40)], "it queues behind them");
    }

    #[test]
    fn catch_up_is_limited_to_the_newest_runs() {
        let every_minute = Cron::parse("* * * * *", "UTC").expect("it is one");
        let now = Micros(at(5_000_000).0 + 61_000_000);
        let due_runs_of = due_runs(&every_minute, Some(at(10)), now, Missed::All(2));
        assert_eq!(due_runs_of.made_up, [at(4_999_999), at(5_000_000), at(5_000_001)]);
        assert_eq!(due_runs_of.next_at, Some(at(5_000_002)));
        assert_eq!(due_runs_of.skipped.map(|skip| skip.last_due), Some(at(4_999_998)));
    }
}
