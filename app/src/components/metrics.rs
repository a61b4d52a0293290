//! Metrics of a job: a term, a value and a note each.

use leptos::prelude::*;
use model::{Counts, JobState, JobView, Micros, count, duration, quantity, rate};

use super::{ago, local_time};

/// Term, value, note.
pub type MetricText = (String, String, String);

/// One metric. An element whose `data-live` names it shows it, and is hidden while it has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// In the task's unit.
    Done,
    Rate,
    RunningTime,
    /// The last progress report.
    LastUpdate,
    Warnings,
}

impl Metric {
    /// In display order.
    pub const ALL: [Self; 5] = [Self::Done, Self::Rate, Self::RunningTime, Self::LastUpdate, Self::Warnings];

    /// The value of `data-live`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "figure-done",
            Self::Rate => "figure-speed",
            Self::RunningTime => "figure-time",
            Self::LastUpdate => "figure-heard",
            Self::Warnings => "figure-warnings",
        }
    }

    /// Returns the three texts; `None` while there is no value.
    pub fn of(self, job: &JobView, now: Micros) -> Option<MetricText> {
        match self {
            Self::Done => done(job),
            Self::Rate => speed(job),
            Self::RunningTime => time(job, now),
            Self::LastUpdate => last_update(job, now),
            Self::Warnings => warnings(job),
        }
    }
}

/// The number of jobs in some states, kept current by [`crate::islands::JobCounts`].
#[component]
pub fn JobCount(
    counts: Counts,
    /// The states to count; all if empty.
    states: Vec<JobState>,
) -> impl IntoView {
    let number = if states.is_empty() { counts.total() } else { states.iter().map(|state| counts.of(*state)).sum() };
    let states: Vec<_> = states.into_iter().map(JobState::as_str).collect();
    view! { <span data-count=states.join(" ")>{count(number)}</span> }
}

#[component]
pub fn Metrics(job: JobView, now: Micros) -> impl IntoView {
    let figure = |figure: Metric| {
        let texts = figure.of(&job, now);
        let hidden = texts.is_none();
        let (term, value, more) = texts.unwrap_or_default();
        view! {
            <div data-live=figure.name() hidden=hidden>
                <dt>{term}</dt>
                <dd>{value}</dd>
                <dd>{more}</dd>
            </div>
        }
    };
    view! { <dl class="figures">{Metric::ALL.map(figure).into_iter().collect::<Vec<_>>()}</dl> }
}

fn done(job: &JobView) -> Option<MetricText> {
    let progress = &job.progress;
    if progress.unit.is_empty() && progress.value == 0 {
        return None;
    }
    let term = match progress.unit.as_str() {
        "B" => "Bytes".to_owned(),
        "" => "Done".to_owned(),
        unit => {
            let mut letters = unit.chars();
            letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
        }
    };
    let unit = if progress.unit == "B" { "B" } else { "" };
    let of = progress.max.map(|max| format!("of {}", quantity(max, unit)));
    Some((term, quantity(progress.value, unit), of.unwrap_or_else(|| "total unknown".to_owned())))
}

fn speed(job: &JobView) -> Option<MetricText> {
    let rate = rate(job.progress.rate.filter(|_| job.state == JobState::Running)?, &job.progress.unit);
    Some(("Rate, last 30 s".to_owned(), rate, String::new()))
}

fn time(job: &JobView, now: Micros) -> Option<MetricText> {
    let seconds = job.ran_for(now)?;
    let term = if job.ended_at.is_some() { "Ran for" } else { "Running for" };
    let waited = job.started_at.filter(|_| job.attempt == 1).map(|at| at.seconds_since(job.created_at).max(0.0));
    let waited = waited.map_or_else(String::new, |seconds| format!("waited {}", duration(seconds)));
    Some((term.to_owned(), duration(seconds), waited))
}

fn last_update(job: &JobView, now: Micros) -> Option<MetricText> {
    let at = job.progress.at.filter(|_| job.state == JobState::Running)?;
    Some(("Updated".to_owned(), ago(at, now), local_time(at)))
}

fn warnings(job: &JobView) -> Option<MetricText> {
    let warnings = job.progress.warnings;
    (warnings > 0).then(|| ("Warnings".to_owned(), count(warnings), "see log".to_owned()))
}
