use std::fmt::Write as _;

use leptos::prelude::*;
use model::{JobState, JobView};

/// How large a bar is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MileBarSize {
    /// In the sidebar.
    Slim,
    /// In tables.
    #[default]
    Row,
    /// On the job's page.
    Hero,
}

/// From here to the end, a running job is finishing: the bar hardly moves, and says that it is busy.
const FINISHING: f64 = 0.99;

/// A job's bar: a road with a post at the start of each stage, filled as it is passed.
///
/// Indeterminate (no `value`) while running and the fraction is unknown.
#[component]
pub fn MileBar(
    /// The job.
    #[prop(into)]
    job: Signal<JobView>,
    /// How large.
    #[prop(optional)]
    size: MileBarSize,
    /// It runs, and has not been heard from for longer than it should.
    #[prop(optional, into)]
    stalled: Signal<bool>,
) -> impl IntoView {
    view! {
        <div
            class="milebar"
            class:slim=size == MileBarSize::Slim
            class:hero=size == MileBarSize::Hero
            class:stalled=stalled
            class:finishing=move || finishing(&job.read())
            data-state=move || job.read().shown().data_state()
        >
            <progress
                max="100"
                value=move || value_of(&job.read())
                aria-label=move || job.read().title.clone()
                aria-valuetext=move || spoken(&job.read())
            ></progress>
            <svg class="posts" aria-hidden="true" focusable="false">
                {move || posts(&job.read(), size)}
            </svg>
        </div>
    }
}

/// The names of the stages under the posts of a hero bar; left out where a stage is too short to carry one.
#[component]
pub fn StageNames(
    /// The job.
    #[prop(into)]
    job: Signal<JobView>,
    /// The names, in order.
    names: Vec<String>,
) -> impl IntoView {
    let names = StoredValue::new(names);
    view! {
        <svg class="stage-names" aria-hidden="true" focusable="false">
            {move || names.with_value(|names| stage_names(&job.read(), names))}
        </svg>
    }
}

fn finishing(job: &JobView) -> bool {
    job.state == JobState::Running && job.progress.fraction.is_some_and(|fraction| fraction >= FINISHING)
}

fn value_of(job: &JobView) -> Option<String> {
    match (job.state, job.progress.fraction) {
        (JobState::Succeeded, _) => Some("100".to_owned()),
        (_, Some(fraction)) => Some(position(fraction)),
        (JobState::Running, None) => None,
        (_, None) => Some("0".to_owned()),
    }
}

fn spoken(job: &JobView) -> String {
    let mut text = match job.percent() {
        Some(percent) => format!("{percent} percent"),
        None => "progress not known yet".to_owned(),
    };
    if let Some(stage) = &job.progress.stage {
        let _ = write!(text, ", stage {} of {}, {}", stage.index + 1, stage.count, stage.name);
    }
    text
}

/// A place on the road in per cent, as fine as a pixel.
fn position(fraction: f64) -> String {
    format!("{:.2}", fraction * 100.0)
}

fn posts(job: &JobView, size: MileBarSize) -> impl IntoView + use<> {
    let hero = size == MileBarSize::Hero;
    let top = if hero { "2" } else { "1" };
    let done = if job.state == JobState::Succeeded { 1.0 } else { job.progress.fraction.unwrap_or(0.0) };
    let starts = job.progress.stage.as_ref().map(|stage| stage.starts.as_slice()).unwrap_or_default();
    let post = move |x: String, passed: bool, shift: Option<&'static str>| {
        view! { <line class:passed=passed x1=x.clone() x2=x transform=shift y1=top y2="100%"></line> }
    };
    let inner: Vec<_> = starts
        .iter()
        .filter(|start| **start > 0.0)
        .map(|start| {
            let x = position(*start) + "%";
            view! {
                <line class="cut" x1=x.clone() x2=x.clone() y1="0" y2="100%"></line>
                {post(x, done >= *start, None)}
            }
        })
        .collect();
    view! {
        {hero.then(|| post("1.5".to_owned(), true, None))}
        {inner}
        {hero.then(|| post("100%".to_owned(), done >= 1.0, Some("translate(-1.5)")))}
    }
}

/// Narrower than this, a name is left out.
const NAMELESS: f64 = 0.075;
/// Narrower than this, a name is shown only where there is room.
const TIGHT: f64 = 0.14;

fn stage_names(job: &JobView, names: &[String]) -> impl IntoView + use<> {
    let stage = job.progress.stage.as_ref();
    let starts = stage.map(|stage| stage.starts.as_slice()).unwrap_or_default();
    let current = stage.map_or(0, |stage| stage.index as usize);
    let over = job.state == JobState::Succeeded;
    names
        .iter()
        .zip(starts)
        .enumerate()
        .map(|(i, (name, start))| {
            let width = starts.get(i + 1).copied().unwrap_or(1.0) - start;
            let (passed, here, tight) = (over || i < current, !over && i == current, width < TIGHT);
            (width >= NAMELESS).then(|| {
                view! {
                    <foreignObject
                        class:passed=passed
                        class:current=here
                        class:tight=tight
                        x=position(*start) + "%"
                        y="0"
                        width=position(width) + "%"
                        height="20"
                    >
                        <div>{name.clone()}</div>
                    </foreignObject>
                }
            })
        })
        .collect::<Vec<_>>()
}
