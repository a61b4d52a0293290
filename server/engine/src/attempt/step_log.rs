//! Step log: lines about the start, the stages and the end of an attempt, for kinds with
//! [`Task::LOG_STEPS`](crate::Task::LOG_STEPS).

use std::time::Instant;

use model::{Failure, Level, duration, quantity};

use crate::{attempt::Attempt, progress::tracker::StageWork, store::Outcome};

impl Attempt {
    /// Logs the start of the attempt, with the title of its job.
    pub(crate) fn log_start(&self, title: &str) {
        if !self.entry.info.log_steps {
            return;
        }
        match self.fence.attempt {
            1 => self.log(Level::Info, &format!("Started: {title}")),
            attempt => self.log(Level::Info, &format!("Attempt {attempt} started: {title}")),
        }
    }

    /// Enters a stage and logs the work of the one before. Returns `false` if there is no such stage or it is over.
    pub(crate) fn enter_stage(&self, index: usize) -> bool {
        let before = self.tracker.stage_work(Instant::now());
        let entered = self.tracker.stage(index);
        if let Some(before) = before.filter(|before| entered && before.index != index)
            && self.entry.info.log_steps
        {
            self.log(Level::Info, &done(&before));
        }
        entered
    }

    /// Sets the unit of this stage and its total, if that is known, and logs both when the stage begins.
    pub(crate) fn set_total(&self, total: Option<u64>, unit: &'static str) {
        self.tracker.total(total, unit);
        if self.entry.info.log_steps
            && let Some(stage) = self.tracker.new_stage()
        {
            let total = total.map_or_else(String::new, |total| format!(", {}", quantity(total, unit)));
            let (number, count) = (stage.index + 1, stage.count);
            self.log(Level::Info, &format!("Stage {number} of {count}: {}{total}", stage.name));
        }
    }

    /// The last lines of the attempt.
    pub(crate) fn last_lines(&self, outcome: &Outcome) -> Option<(Level, String)> {
        if !self.entry.info.log_steps {
            return None;
        }
        let now = Instant::now();
        let failed = |head: &str, failure: &Failure| Some((Level::Error, format!("{head}: {}", failure.message)));
        match outcome {
            Outcome::Succeeded { .. } => {
                let took = duration(now.saturating_duration_since(self.began).as_secs_f64());
                let stage = self.tracker.stage_work(now).map_or_else(String::new, |stage| done(&stage) + "\n");
                Some((Level::Info, format!("{stage}Succeeded in {took}")))
            }
            Outcome::Failed { failure, .. } => failed("Failed", failure),
            Outcome::RetryLater { failure, .. } => failed("Failed, to be retried", failure),
            Outcome::Cancelled { failure: Some(failure), .. } => failed("Failed while being cancelled", failure),
            Outcome::Cancelled { failure: None, .. } => Some((Level::Info, "Cancelled".to_owned())),
            Outcome::Paused => Some((Level::Info, "Paused".to_owned())),
            // The log has the reason of a release.
            Outcome::Snoozed { .. } | Outcome::Released | Outcome::Lost { .. } => None,
        }
    }
}

/// `Hash done: 4.1 GB in 12 s`.
fn done(stage: &StageWork) -> String {
    let amount = if stage.unit.is_empty() { String::new() } else { format!(": {}", quantity(stage.value, stage.unit)) };
    format!("{} done{amount} in {}", stage.name, duration(stage.seconds))
}
