use std::{cmp::Ordering, fmt::Write as _};

use leptos::prelude::*;
use model::{JobState, JobView, Micros, fixed};

use super::LiveJob;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MileBarSize {
    /// In the sidebar.
    Slim,
    /// In tables; hidden when the job ends.
    #[default]
    Row,
    /// On the job's page.
    Hero,
}

impl MileBarSize {
    const fn class(self) -> &'static str {
        match self {
            Self::Slim => "milebar slim",
            Self::Row => "milebar",
            Self::Hero => "milebar hero",
        }
    }

    /// Whether a bar of this size is hidden for the job.
    pub const fn hides(self, job: &JobView) -> bool {
        matches!(self, Self::Row) && job.state.is_terminal()
    }
}

/// From this fraction on a running job is shown as finishing: the bar hardly moves any more.
const FINISHING: f64 = 0.99;

/// Progress bar of a job, with a post at the start of each stage.
///
/// Indeterminate (without `value`) while the job runs and the fraction is unknown.
#[component]
pub fn MileBar(job: LiveJob, #[prop(optional)] size: MileBarSize) -> impl IntoView {
    let class = move |job: &JobView, now: Micros| {
        let mut class = size.class().to_owned();
        if job.quiet_for(now).is_some() {
            class.push_str(" stalled");
        }
        if is_finishing(job) {
            class.push_str(" finishing");
        }
        class
    };
    let posts = |which: fn(&JobView, f64) -> bool| {
        job.map(move |job, _| {
            let posts = stage_starts(job).iter().filter(|start| **start > 0.0 && which(job, **start));
            Some(posts.map(|start| "M".to_owned() + &position(*start) + " 0V100").collect::<String>())
        })
    };
    let ends = (size == MileBarSize::Hero).then(|| {
        view! {
            <svg class="posts" aria-hidden="true" focusable="false">
                <line class="passed" x1="1.5" x2="1.5" y1="0" y2="100%"></line>
                <g transform="translate(-1.5)">
                    <line class=job.map(|job, _| passed(done(job) >= 1.0)) x1="100%" x2="100%" y1="0" y2="100%"></line>
                </g>
            </svg>
        }
    });
    view! {
        <div class=job.map(class) data-state=job.data_state() hidden=job.map(move |job, _| size.hides(job))>
            <progress
                max="100"
                value=job.map(|job, _| progress_value(job))
                aria-label=job.map(|job, _| Some(job.title.clone()))
                aria-valuetext=job.map(|job, _| Some(spoken_progress(job)))
            ></progress>
            <svg class="posts cuts" viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true" focusable="false">
                <path d=posts(|_, _| true)></path>
            </svg>
            <svg class="posts" viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true" focusable="false">
                <path d=posts(|job, start| done(job) < start)></path>
                <path class="passed" d=posts(|job, start| done(job) >= start)></path>
            </svg>
            {ends}
        </div>
    }
}

/// The names of the stages under a large progress bar; a stage too short for its name has none.
#[component]
pub fn StageNames(
    job: LiveJob,
    /// In order.
    names: Vec<String>,
) -> impl IntoView {
    let name = |(i, name): (usize, String)| {
        view! {
            <foreignObject
                class=job.map(move |job, _| stage_class(job, i))
                x=job.map(move |job, _| stage_starts(job).get(i).map(|start| position(*start) + "%"))
                y="0"
                width=job.map(move |job, _| stage_width(job, i).map(|width| position(width) + "%"))
                height="20"
            >
                <div>{name}</div>
            </foreignObject>
        }
    };
    view! {
        <svg class="stage-names" aria-hidden="true" focusable="false">
            {names.into_iter().enumerate().map(name).collect::<Vec<_>>()}
        </svg>
    }
}

pub fn is_finishing(job: &JobView) -> bool {
    job.state == JobState::Running && job.progress.fraction.is_some_and(|fraction| fraction >= FINISHING)
}

/// The value of `<progress>`, percent; `None` if unknown.
pub fn progress_value(job: &JobView) -> Option<String> {
    match (job.state, job.progress.fraction) {
        (JobState::Succeeded, _) => Some("100".to_owned()),
        (_, Some(fraction)) => Some(position(fraction)),
        (JobState::Running, None) => None,
        (_, None) => Some("0".to_owned()),
    }
}

/// The progress as a screen reader speaks it.
pub fn spoken_progress(job: &JobView) -> String {
    let mut text = match job.percent() {
        Some(percent) => format!("{percent} percent"),
        None => "progress unknown".to_owned(),
    };
    if let Some(stage) = &job.progress.stage {
        let _ = write!(text, ", stage {} of {}, {}", stage.index + 1, stage.count, stage.name);
    }
    text
}

/// A fraction in percent, with two digits: as fine as a pixel.
fn position(fraction: f64) -> String {
    fixed(fraction * 100.0, 2)
}

/// The fraction that the posts show.
fn done(job: &JobView) -> f64 {
    if job.state == JobState::Succeeded { 1.0 } else { job.progress.fraction.unwrap_or(0.0) }
}

fn passed(passed: bool) -> String {
    if passed { "passed".to_owned() } else { String::new() }
}

fn stage_starts(job: &JobView) -> &[f64] {
    job.progress.stage.as_ref().map(|stage| stage.starts.as_slice()).unwrap_or_default()
}

/// A stage narrower than this fraction has no name.
const MIN_NAMED_WIDTH: f64 = 0.075;
/// A stage narrower than this fraction has a name only on wide screens.
const MIN_ROOMY_WIDTH: f64 = 0.14;

/// The width of a stage as a fraction; `None` if it is unknown or too narrow for a name.
fn stage_width(job: &JobView, stage: usize) -> Option<f64> {
    let starts = stage_starts(job);
    let width = starts.get(stage + 1).copied().unwrap_or(1.0) - starts.get(stage)?;
    (width >= MIN_NAMED_WIDTH).then_some(width)
}

fn stage_class(job: &JobView, stage: usize) -> String {
    let current = job.progress.stage.as_ref().map_or(0, |stage| stage.index as usize);
    let class = match stage.cmp(&current) {
        _ if job.state == JobState::Succeeded => "passed",
        Ordering::Less => "passed",
        Ordering::Equal => "current",
        Ordering::Greater => "",
    };
    match stage_width(job, stage) {
        None => "unnamed".to_owned(),
        Some(width) if width < MIN_ROOMY_WIDTH => format!("{class} tight"),
        Some(_) => class.to_owned(),
    }
}
