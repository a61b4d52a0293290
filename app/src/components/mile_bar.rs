use std::fmt::Write as _;

use leptos::prelude::*;
use model::{JobState, JobView, Micros, fixed};

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
    pub const ALL: [Self; 3] = [Self::Slim, Self::Row, Self::Hero];

    /// The value of `data-live`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Slim => "bar-slim",
            Self::Row => "bar",
            Self::Hero => "bar-hero",
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
pub fn MileBar(job: JobView, now: Micros, #[prop(optional)] size: MileBarSize) -> impl IntoView {
    view! {
        <div
            class="milebar"
            class:slim=size == MileBarSize::Slim
            class:hero=size == MileBarSize::Hero
            class:stalled=job.quiet_for(now).is_some()
            class:finishing=is_finishing(&job)
            data-state=job.shown().data_state()
            data-live=size.name()
            hidden=size.hides(&job)
        >
            <progress
                max="100"
                value=progress_value(&job)
                aria-label=job.title.clone()
                aria-valuetext=spoken_progress(&job)
            ></progress>
            <svg class="posts" aria-hidden="true" focusable="false" inner_html=stage_posts(&job, size)></svg>
        </div>
    }
}

/// The names of the stages under a large progress bar; a stage too short for its name has none.
#[component]
pub fn StageNames(
    job: JobView,
    /// In order.
    names: Vec<String>,
) -> impl IntoView {
    let shown = stage_names(&job, names.iter().map(String::as_str));
    view! {
        <svg
            class="stage-names"
            aria-hidden="true"
            focusable="false"
            data-live="stages"
            data-names=names.join("\n")
            inner_html=shown
        ></svg>
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

/// The posts as SVG. They contain no text from users.
pub fn stage_posts(job: &JobView, size: MileBarSize) -> String {
    let hero = size == MileBarSize::Hero;
    let top = if hero { "2" } else { "1" };
    let done = if job.state == JobState::Succeeded { 1.0 } else { job.progress.fraction.unwrap_or(0.0) };
    let mut svg = String::new();
    let mut post = |x: &str, passed: bool, more: &str| {
        let passed = if passed { r#" class="passed""# } else { "" };
        let _ = write!(svg, r#"{more}<line{passed} x1="{x}" x2="{x}" y1="{top}" y2="100%"></line>"#);
    };
    if hero {
        post("1.5", true, "");
    }
    for start in stage_starts(job).iter().filter(|start| **start > 0.0) {
        let x = position(*start) + "%";
        post(&x, done >= *start, &format!(r#"<line class="cut" x1="{x}" x2="{x}" y1="0" y2="100%"></line>"#));
    }
    if hero {
        svg.push_str(r#"<g transform="translate(-1.5)">"#);
        let passed = if done >= 1.0 { r#" class="passed""# } else { "" };
        let _ = write!(svg, r#"<line{passed} x1="100%" x2="100%" y1="{top}" y2="100%"></line></g>"#);
    }
    svg
}

fn stage_starts(job: &JobView) -> &[f64] {
    job.progress.stage.as_ref().map(|stage| stage.starts.as_slice()).unwrap_or_default()
}

/// A stage narrower than this fraction has no name.
const MIN_NAMED_WIDTH: f64 = 0.075;
/// A stage narrower than this fraction has a name only on wide screens.
const MIN_ROOMY_WIDTH: f64 = 0.14;

/// The stage names as SVG.
pub fn stage_names<'a>(job: &JobView, names: impl Iterator<Item = &'a str>) -> String {
    let starts = stage_starts(job);
    let current = job.progress.stage.as_ref().map_or(0, |stage| stage.index as usize);
    let over = job.state == JobState::Succeeded;
    let mut svg = String::new();
    for (i, (name, start)) in names.zip(starts).enumerate() {
        let width = starts.get(i + 1).copied().unwrap_or(1.0) - start;
        if width < MIN_NAMED_WIDTH {
            continue;
        }
        let class = if over || i < current {
            "passed"
        } else if i == current {
            "current"
        } else {
            ""
        };
        let tight = if width < MIN_ROOMY_WIDTH { " tight" } else { "" };
        let (x, width, name) = (position(*start), position(width), escaped(name));
        let _ = write!(
            svg,
            r#"<foreignObject class="{class}{tight}" x="{x}%" y="0" width="{width}%" height="20"><div>{name}</div></foreignObject>"#
        );
    }
    svg
}

/// Escapes a text for markup.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
