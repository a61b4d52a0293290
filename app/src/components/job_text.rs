//! What is said of a job, in words that move with it. The server writes them, and the browser keeps them true.

use model::{JobState, JobView, Micros, Shown, count, duration, fixed, left, quantity, rate};

use super::{ago, state_detail};

/// A text about a job. An element whose `data-live` names one shows it, and is hidden while there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobText {
    /// What a person calls it.
    Title,
    /// `#7 · checksum`.
    Number,
    /// `57 %`, until it ends.
    Percent,
    /// `57`, in large.
    Points,
    /// `57 %` of a running job, else the word for its state.
    HowFar,
    /// What a person asks next; see [`state_detail`].
    Fact,
    /// The stage, else the fact.
    Detail,
    /// What is said below the bar, or below the outcome.
    Line,
    /// How long it will still take, else how long it has been doing what it does, until it ends.
    SoFar,
    /// What it does, and for how long where that is not said; or how long it took.
    Span,
    /// The stage at work, else the state.
    Headline,
    /// Where the stage is among the others.
    Place,
    /// How long it will still take, how the cancel goes, or how long it took.
    Left,
    /// What was at the instant that stands at the right.
    LeftBefore,
    /// What else is to say of that instant.
    LeftAfter,
    /// The task's own words.
    Message,
}

impl JobText {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Title,
        Self::Number,
        Self::Percent,
        Self::Points,
        Self::HowFar,
        Self::Fact,
        Self::Detail,
        Self::Line,
        Self::SoFar,
        Self::Span,
        Self::Headline,
        Self::Place,
        Self::Left,
        Self::LeftBefore,
        Self::LeftAfter,
        Self::Message,
    ];

    /// The name in `data-live`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::Number => "number",
            Self::Percent => "percent",
            Self::Points => "points",
            Self::HowFar => "how-far",
            Self::Fact => "fact",
            Self::Detail => "detail",
            Self::Line => "line",
            Self::SoFar => "so-far",
            Self::Span => "span",
            Self::Headline => "headline",
            Self::Place => "place",
            Self::Left => "left",
            Self::LeftBefore => "left-before",
            Self::LeftAfter => "left-after",
            Self::Message => "message",
        }
    }

    /// The text; empty where there is nothing to say.
    pub fn of(self, job: &JobView, now: Micros) -> String {
        match self {
            Self::Title => job.title.clone(),
            Self::Number => format!("#{} · {}", job.job, job.kind),
            Self::Percent if job.state.is_terminal() => String::new(),
            Self::Percent => percent(job).unwrap_or_default(),
            Self::Points => job.percent().map(|percent| percent.to_string()).unwrap_or_default(),
            Self::HowFar => {
                percent(job).filter(|_| job.shown() == Shown::Running).unwrap_or_else(|| job.shown().label().to_owned())
            }
            Self::Fact => state_detail(job, now),
            Self::Detail => detail(job, now),
            Self::Line => line(job),
            Self::SoFar => so_far(job, now),
            Self::Span => span(job, now),
            Self::Headline => headline(job),
            Self::Place => place(job, now),
            Self::Left => at_the_right(job, now),
            Self::LeftBefore => left_before(job).to_owned(),
            Self::LeftAfter => left_after(job, now),
            Self::Message => job.progress.message.clone(),
        }
    }
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

fn line(job: &JobView) -> String {
    match job.shown() {
        Shown::Running | Shown::Pausing => running_line(job),
        Shown::Cancelling => "Waiting for the task to stop".to_owned(),
        Shown::NotResponding => "Not responding to cancel".to_owned(),
        Shown::Queued => "Waiting for a free slot".to_owned(),
        Shown::Scheduled => "Scheduled".to_owned(),
        Shown::Paused => "Set aside".to_owned(),
        Shown::Interrupted => "Worker died".to_owned(),
        Shown::Cancelled => stopped_line(job),
        Shown::Retrying | Shown::Failed => {
            job.failure.as_ref().map(|failure| failure.message.clone()).unwrap_or_default()
        }
        // The task's last message was for the time it ran.
        Shown::Succeeded | Shown::Warnings => String::new(),
    }
}

/// `748,812 of 1,200,000 rows · 2,318 rows/s · 9 warnings`, else the task's own words.
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

/// How soon it stopped: the proof that the cancel worked.
fn stopped_line(job: &JobView) -> String {
    match (job.started_at, job.cancel_requested_at, job.ended_at) {
        (Some(_), Some(asked), Some(ended)) => {
            format!("Stopped within {}", duration(ended.seconds_since(asked)))
        }
        _ if job.attempt > 1 => "Cancelled while paused".to_owned(),
        _ => "Cancelled before it started".to_owned(),
    }
}

fn so_far(job: &JobView, now: Micros) -> String {
    match (job.shown(), job.run_at) {
        _ if job.ended().is_some() => String::new(),
        _ if foretold(job) => time_left(job),
        (Shown::Scheduled | Shown::Retrying, Some(at)) => format!("in {}", coarse(at.seconds_since(now))),
        _ => elapsed(job, now),
    }
}

fn elapsed(job: &JobView, now: Micros) -> String {
    coarse(now.seconds_since(job.started_at.unwrap_or(job.created_at)))
}

/// Whether something is known of the time that is left.
fn foretold(job: &JobView) -> bool {
    job.shown() == Shown::Running && (job.progress.eta.is_some() || job.progress.slow)
}

/// A range, or why there is none.
fn time_left(job: &JobView) -> String {
    match job.progress.eta {
        Some(eta) => left(eta.low, eta.high),
        None if job.progress.slow => "Longer than usual".to_owned(),
        // What cannot say how much there is to do may never have one: nothing is promised.
        None if job.progress.fraction.is_some() => "No estimate yet".to_owned(),
        None => String::new(),
    }
}

fn span(job: &JobView, now: Micros) -> String {
    let took = job.ended().and_then(|at| job.ran_for(at)).map(|seconds| format!("took {}", duration(seconds)));
    let doing = match job.shown() {
        _ if foretold(job) => return format!("running {}", elapsed(job, now)),
        Shown::Running | Shown::Pausing | Shown::Cancelling | Shown::NotResponding => "running",
        Shown::Queued => "waiting",
        Shown::Scheduled | Shown::Retrying => "until it starts",
        Shown::Paused => "paused",
        Shown::Succeeded | Shown::Warnings | Shown::Failed | Shown::Cancelled | Shown::Interrupted => "",
    };
    took.unwrap_or_else(|| doing.to_owned())
}

/// A duration that moves: whole seconds, so that it does not flicker.
fn coarse(seconds: f64) -> String {
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

fn place(job: &JobView, now: Micros) -> String {
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

/// The instant that stands at the right of the large bar: of the cancel request, else of the end.
pub fn outcome_time(job: &JobView) -> Option<Micros> {
    match job.shown() {
        Shown::Cancelling | Shown::NotResponding => job.cancel_requested_at,
        _ => job.ended_at,
    }
}

fn at_the_right(job: &JobView, now: Micros) -> String {
    match (job.shown(), job.cancel_requested_at, job.ended_at) {
        (Shown::Cancelling | Shown::NotResponding, Some(asked), _) => {
            format!("Cancelling {} s", now.seconds_since(asked).max(0.0) as u64)
        }
        (Shown::Cancelled, Some(asked), Some(ended)) if job.started_at.is_some() => {
            let took = ended.seconds_since(asked).max(0.0);
            if took < 0.05 { "Stopped at once".to_owned() } else { format!("Stopped after {}", duration(took)) }
        }
        (_, _, Some(ended)) => {
            let never = if job.attempt > 1 { "Cancelled while paused" } else { "Never started" };
            job.ran_for(ended).map_or_else(|| never.to_owned(), |seconds| format!("Took {}", duration(seconds)))
        }
        (Shown::Running, _, None) => time_left(job),
        (_, _, None) => String::new(),
    }
}

fn left_before(job: &JobView) -> &'static str {
    match (job.shown(), job.cancel_requested_at, job.ended_at) {
        (Shown::Cancelling | Shown::NotResponding, Some(_), _) => "since ",
        (Shown::Succeeded | Shown::Warnings, Some(_), Some(_)) => "finished before the cancel took effect, ",
        (_, _, Some(_)) => "ended ",
        (_, _, None) => "",
    }
}

fn left_after(job: &JobView, now: Micros) -> String {
    let by = || job.cancel_requested_by.as_ref().map(|by| format!(", asked by {by}")).unwrap_or_default();
    match (job.shown(), job.cancel_requested_at, job.ended_at) {
        (Shown::Cancelling | Shown::NotResponding, Some(_), _) => by(),
        (Shown::Cancelled, Some(_), Some(_)) if job.started_at.is_some() => by(),
        (Shown::Succeeded | Shown::Warnings, Some(_), Some(_)) | (_, _, None) => String::new(),
        (_, _, Some(ended)) => format!(", {}", ago(ended, now)),
    }
}
