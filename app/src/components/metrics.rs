//! Metrics of a job: a term, a value and a note each.

use leptos::prelude::*;
use model::{JobState, JobView, Micros, count, duration, quantity, rate};

use super::{LiveJob, ago, local_time};
use crate::browser::upper_case;

/// Term, value, note.
pub type MetricText = (String, String, String);

/// One metric.
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

#[component]
pub fn Metrics(job: LiveJob) -> impl IntoView {
    let metric = |metric: Metric| {
        let part = move |part: fn(MetricText) -> String| {
            job.map(move |job, now| metric.of(job, now).map(part).unwrap_or_default())
        };
        view! {
            <div hidden=job.map(move |job, now| metric.of(job, now).is_none())>
                <dt>{part(|text| text.0)}</dt>
                <dd>{part(|text| text.1)}</dd>
                <dd>{part(|text| text.2)}</dd>
            </div>
        }
    };
    view! { <dl class="figures">{Metric::ALL.map(metric).into_iter().collect::<Vec<_>>()}</dl> }
}

fn done(job: &JobView) -> Option<MetricText> {
    let progress = &job.progress;
    if progress.unit.is_empty() && progress.value == 0 {
        return None;
    }
    let term = match progress.unit.as_str() {
        "B" => "Bytes".to_owned(),
        "" => "Done".to_owned(),
        unit => capitalised(unit),
    };
    let unit = if progress.unit == "B" { "B" } else { "" };
    let of = progress.max.map(|max| format!("of {}", quantity(max, unit)));
    Some((term, quantity(progress.value, unit), of.unwrap_or_else(|| "total unknown".to_owned())))
}

fn capitalised(word: &str) -> String {
    let (first, rest) = word.split_at(word.chars().next().map_or(0, char::len_utf8));
    upper_case(first) + rest
}

fn speed(job: &JobView) -> Option<MetricText> {
    let rate = rate(job.progress.rate.filter(|_| job.state == JobState::Running)?, &job.progress.unit);
    Some(("Rate, last 30 s".to_owned(), rate, String::new()))
}

fn time(job: &JobView, now: Micros) -> Option<MetricText> {
    let seconds = job.work_time(now)?;
    let is_running = job.started_at.is_some() && job.ended_at.is_none();
    let (term, attempt) = if is_running { ("Running for", "this attempt") } else { ("Ran for", "last attempt") };
    let note = job.started_at.map_or_else(String::new, |at| match job.ran_for(now) {
        Some(ran) if job.attempt > 1 => format!("{attempt} {}", duration(ran)),
        // It runs elsewhere already when it is reported.
        _ if job.reported_from.is_some() => String::new(),
        _ => format!("queued {}", duration(at.seconds_since(job.created_at).max(0.0))),
    });
    Some((term.to_owned(), duration(seconds), note))
}

fn last_update(job: &JobView, now: Micros) -> Option<MetricText> {
    let at = job.progress.at.filter(|_| job.state == JobState::Running)?;
    Some(("Updated".to_owned(), ago(at, now), local_time(at)))
}

fn warnings(job: &JobView) -> Option<MetricText> {
    let warnings = job.progress.warnings;
    (warnings > 0).then(|| ("Warnings".to_owned(), count(warnings), "see log".to_owned()))
}
