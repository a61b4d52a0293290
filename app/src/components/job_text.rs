//! Job text: what a page says about a job. Server and browser write it alike.

use model::{JobState, JobView, Micros, Shown, count, duration, fixed, left, quantity, rate};

use super::{ago, state_detail};

/// One text about a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobText {
    /// `#7 · checksum`.
    Number,
    /// `57 %` until the job ends.
    Percent,
    /// `57`, shown large.
    PercentNumber,
    /// `57 %` of a running job, otherwise its state.
    ProgressOrState,
    /// See [`state_detail`].
    StateDetail,
    /// The stage, otherwise the state detail.
    StageOrDetail,
    /// The line below the progress bar, or below the outcome.
    Summary,
    /// The time left, otherwise the time in this state, until the job ends.
    Remaining,
    /// The activity, with its duration where the time left is shown; or how long the job took.
    Activity,
    /// The current stage, otherwise the state.
    Headline,
    /// The position of the stage among the others.
    StagePosition,
    /// The time left, how long the cancel has taken, or how long the job took.
    Outcome,
    /// Text before [`outcome_time`].
    OutcomePrefix,
    /// Text after [`outcome_time`].
    OutcomeSuffix,
    /// The task's last message.
    Message,
}

impl JobText {
    /// Returns the text; empty if there is none.
    pub fn of(self, job: &JobView, now: Micros) -> String {
        match self {
            Self::Number => format!("#{} · {}", job.job, job.kind),
            // The last message belongs to the time it ran.
            Self::Percent | Self::Message if job.state.is_terminal() => String::new(),
            Self::Percent => percent(job).unwrap_or_default(),
            Self::PercentNumber => reached(job).map(|percent| percent.to_string()).unwrap_or_default(),
            Self::ProgressOrState => {
                percent(job).filter(|_| job.shown() == Shown::Running).unwrap_or_else(|| job.shown().label().to_owned())
            }
            Self::StateDetail => state_detail(job, now),
            Self::StageOrDetail => detail(job, now),
            Self::Summary => summary(job),
            Self::Remaining => remaining(job, now),
            Self::Activity => activity(job, now),
            Self::Headline => headline(job),
            Self::StagePosition => stage_position(job, now),
            Self::Outcome => outcome(job, now),
            Self::OutcomePrefix => outcome_prefix(job).to_owned(),
            Self::OutcomeSuffix => outcome_suffix(job, now),
            Self::Message => job.progress.message.clone(),
        }
    }
}

/// The percentage; `None` for a job that failed before it did any work.
pub fn reached(job: &JobView) -> Option<u32> {
    let progress = &job.progress;
    let first = progress.stage.as_ref().is_none_or(|stage| stage.index == 0);
    let worked = progress.value > 0 || !first || job.state != JobState::Failed;
    job.percent().filter(|_| worked)
}

fn percent(job: &JobView) -> Option<String> {
    job.percent().map(|percent| format!("{percent}\u{a0}%"))
}

fn detail(job: &JobView, now: Micros) -> String {
    match &job.progress.stage {
        Some(stage) if job.shown() == Shown::Running && job.quiet_for(now).is_none() => {
            format!("{}, {} of {}", stage.name, stage.index + 1, stage.count)
        }
        _ => state_detail(job, now),
    }
}

fn summary(job: &JobView) -> String {
    match job.shown() {
        Shown::Running | Shown::Pausing => running_line(job),
        Shown::Cancelling => "Waiting for the task to stop".to_owned(),
        Shown::NotResponding => "Not responding to cancel".to_owned(),
        Shown::NoContact => "The job may still be running".to_owned(),
        Shown::Queued => "Waiting for a free slot".to_owned(),
        Shown::Scheduled => "Scheduled".to_owned(),
        Shown::Paused => "Paused".to_owned(),
        Shown::Interrupted => "Worker died".to_owned(),
        Shown::Cancelled => stopped_line(job),
        Shown::Retrying | Shown::Failed => {
            job.failure.as_ref().map(|failure| failure.message.clone()).unwrap_or_default()
        }
        // The task's last message belongs to the time it ran.
        Shown::Succeeded | Shown::Warnings => String::new(),
    }
}

/// `748,812 of 1,200,000 rows · 2,318 rows/s · 9 warnings`, otherwise the task's message.
fn running_line(job: &JobView) -> String {
    let progress = &job.progress;
    if progress.unit.is_empty() && progress.max.is_none() {
        return if progress.message.is_empty() {
            "No progress reported yet".to_owned()
        } else {
            progress.message.clone()
        };
    }
    let mut line = match progress.max {
        Some(max) => {
            let done = if progress.unit == "B" { quantity(progress.value, "B") } else { count(progress.value) };
            format!("{done} of {}", quantity(max, &progress.unit))
        }
        None => quantity(progress.value, &progress.unit),
    };
    if let Some(per_second) = progress.rate {
        line = format!("{line} · {}", rate(per_second, &progress.unit));
    }
    match progress.warnings {
        0 => line,
        1 => line + " · 1 warning",
        many => format!("{line} · {} warnings", count(many)),
    }
}

/// How long the cancel took.
fn stopped_line(job: &JobView) -> String {
    match (job.started_at, job.cancel_requested_at, job.ended_at) {
        (Some(_), Some(asked), Some(ended)) => {
            format!("Stopped within {}", duration(ended.seconds_since(asked)))
        }
        _ if job.attempt > 1 => "Cancelled while paused".to_owned(),
        _ => "Cancelled before it started".to_owned(),
    }
}

fn remaining(job: &JobView, now: Micros) -> String {
    match (job.shown(), job.run_at) {
        _ if job.ended().is_some() => String::new(),
        _ if has_estimate(job) => time_left(job),
        (Shown::Scheduled | Shown::Retrying, Some(at)) => format!("in {}", whole_seconds(at.seconds_since(now))),
        _ => elapsed(job, now),
    }
}

fn elapsed(job: &JobView, now: Micros) -> String {
    let waited = || now.seconds_since(job.created_at);
    whole_seconds(job.started_at.and_then(|_| job.work_time(now)).unwrap_or_else(waited))
}

/// Whether there is an estimate of the time left.
fn has_estimate(job: &JobView) -> bool {
    job.shown() == Shown::Running && (job.progress.eta.is_some() || job.progress.slow)
}

/// Whether the job takes longer than usual and has an estimate all the same.
fn is_slow_with_estimate(job: &JobView) -> bool {
    job.progress.slow && job.progress.eta.is_some()
}

/// The estimate as a range, or why there is none.
fn time_left(job: &JobView) -> String {
    match job.progress.eta {
        Some(eta) => left(eta.low, eta.high),
        None if job.progress.slow => "Longer than usual".to_owned(),
        // A task that does not know its total may never have an estimate: promise none.
        None if job.progress.fraction.is_some() => "No estimate yet".to_owned(),
        None => String::new(),
    }
}

fn activity(job: &JobView, now: Micros) -> String {
    let took = job.ended().and_then(|at| job.work_time(at)).map(|seconds| format!("took {}", duration(seconds)));
    let doing = match job.shown() {
        _ if has_estimate(job) => {
            let doing = if is_slow_with_estimate(job) { "longer than usual," } else { "running" };
            return format!("{doing} {}", elapsed(job, now));
        }
        Shown::Running | Shown::Pausing | Shown::Cancelling | Shown::NotResponding | Shown::NoContact => "running",
        Shown::Queued => "waiting",
        Shown::Scheduled | Shown::Retrying => "until it starts",
        Shown::Paused => "paused",
        Shown::Succeeded | Shown::Warnings | Shown::Failed | Shown::Cancelled | Shown::Interrupted => "",
    };
    took.unwrap_or_else(|| doing.to_owned())
}

/// Whole seconds, so that a changing duration does not flicker.
fn whole_seconds(seconds: f64) -> String {
    let seconds = seconds.max(0.0).floor();
    if seconds < 10.0 { format!("{} s", fixed(seconds, 0)) } else { duration(seconds) }
}

fn headline(job: &JobView) -> String {
    match (&job.progress.stage, job.state) {
        (Some(stage), JobState::Running | JobState::Failed | JobState::Cancelled | JobState::Interrupted) => {
            stage.name.clone()
        }
        _ => job.shown().label().to_owned(),
    }
}

fn stage_position(job: &JobView, now: Micros) -> String {
    let Some(stage) = &job.progress.stage else { return state_detail(job, now) };
    let (number, count) = (stage.index + 1, stage.count);
    match job.state {
        JobState::Running => format!("Stage {number} of {count}"),
        JobState::Failed | JobState::Cancelled | JobState::Interrupted => {
            format!("Stopped in stage {number} of {count}")
        }
        JobState::Succeeded => format!("All {count} stages done"),
        JobState::Paused => format!("Paused in stage {number} of {count}"),
        JobState::Scheduled | JobState::Queued => state_detail(job, now),
    }
}

/// Returns the time shown beside the large progress bar: that of the cancel request, otherwise of the end, which is
/// estimated while the job runs.
pub fn outcome_time(job: &JobView) -> Option<Micros> {
    match job.shown() {
        Shown::Cancelling | Shown::NotResponding => job.cancel_requested_at,
        Shown::NoContact => job.no_contact_since,
        Shown::Running => expected_end(job),
        _ => job.ended_at,
    }
}

/// The middle of the estimate, from the last report on.
fn expected_end(job: &JobView) -> Option<Micros> {
    let (eta, at) = (job.progress.eta?, job.progress.at?);
    Some(Micros(at.0 + ((eta.low + eta.high) * 5e5) as i64))
}

fn outcome(job: &JobView, now: Micros) -> String {
    match (job.shown(), job.cancel_requested_at, job.ended_at) {
        (Shown::Cancelling | Shown::NotResponding, Some(asked), _) => {
            format!("Cancelling {} s", now.seconds_since(asked).max(0.0) as u64)
        }
        (Shown::NoContact, ..) => "No contact".to_owned(),
        (Shown::Cancelled, Some(asked), Some(ended)) if job.started_at.is_some() => {
            let took = ended.seconds_since(asked).max(0.0);
            if took < 0.05 { "Stopped at once".to_owned() } else { format!("Stopped after {}", duration(took)) }
        }
        (_, _, Some(ended)) => {
            let never = if job.attempt > 1 { "Cancelled while paused" } else { "Never started" };
            let took = job.started_at.and_then(|_| job.work_time(ended));
            took.map_or_else(|| never.to_owned(), |seconds| format!("Took {}", duration(seconds)))
        }
        (Shown::Running, _, None) if is_slow_with_estimate(job) => time_left(job) + ", longer than usual",
        (Shown::Running, _, None) => time_left(job),
        (_, _, None) => String::new(),
    }
}

fn outcome_prefix(job: &JobView) -> &'static str {
    match (job.shown(), job.cancel_requested_at, job.ended_at) {
        (Shown::Cancelling | Shown::NotResponding, Some(_), _) | (Shown::NoContact, ..) => "since ",
        (Shown::Succeeded | Shown::Warnings, Some(_), Some(_)) => "finished before the cancel took effect, ",
        (_, _, Some(_)) => "ended ",
        (Shown::Running, _, None) if expected_end(job).is_some() => "done about ",
        (_, _, None) => "",
    }
}

fn outcome_suffix(job: &JobView, now: Micros) -> String {
    let by = || {
        let by = job.cancel_requested_by_name.as_ref().or(job.cancel_requested_by.as_ref());
        by.map(|by| format!(", asked by {by}")).unwrap_or_default()
    };
    match (job.shown(), job.cancel_requested_at, job.ended_at) {
        (Shown::Cancelling | Shown::NotResponding, Some(_), _) => by(),
        (Shown::Cancelled, Some(_), Some(_)) if job.started_at.is_some() => by(),
        (Shown::Succeeded | Shown::Warnings, Some(_), Some(_)) | (_, _, None) => String::new(),
        (_, _, Some(ended)) => format!(", {}", ago(ended, now)),
    }
}
