use leptos::prelude::*;
use model::{JobView, percent};

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
) -> impl IntoView {
    let value = move || value_of(&job.read());
    view! {
        <div
            class="milebar"
            class:slim=size == MileBarSize::Slim
            class:hero=size == MileBarSize::Hero
            data-state=move || job.read().shown().data_state()
        >
            <progress
                max="100"
                value=value
                aria-label=move || job.read().title.clone()
                aria-valuetext=move || spoken(&job.read())
            ></progress>
            <svg class="posts" aria-hidden="true" focusable="false">
                {move || posts(&job.read(), size)}
            </svg>
        </div>
    }
}

fn value_of(job: &JobView) -> Option<String> {
    match job.progress.fraction {
        Some(fraction) => Some(format!("{:.2}", fraction * 100.0)),
        None if job.state.is_terminal() => Some("0".to_owned()),
        None => None,
    }
}

fn spoken(job: &JobView) -> String {
    let mut text = match job.progress.fraction {
        Some(fraction) => format!("{} percent", percent(fraction)),
        None => "progress not known yet".to_owned(),
    };
    if let Some(stage) = &job.progress.stage {
        text.push_str(&format!(", stage {} of {}, {}", stage.index + 1, stage.count, stage.name));
    }
    text
}

fn posts(job: &JobView, size: MileBarSize) -> impl IntoView + use<> {
    let hero = size == MileBarSize::Hero;
    let top = if hero { "2" } else { "1" };
    let done = job.progress.fraction.unwrap_or(0.0);
    let starts = job.progress.stage.as_ref().map(|stage| stage.starts.clone()).unwrap_or_default();
    let edge = move |x: &'static str, passed: bool| {
        hero.then(|| view! { <line class:passed=passed x1=x x2=x y1=top y2="100%"></line> })
    };
    let inner: Vec<_> = starts
        .into_iter()
        .filter(|start| *start > 0.0)
        .map(|start| {
            let x = format!("{:.2}%", start * 100.0);
            let passed = done >= start;
            view! {
                <line class="cut" x1=x.clone() x2=x.clone() y1="0" y2="100%"></line>
                <line class:passed=passed x1=x.clone() x2=x y1=top y2="100%"></line>
            }
        })
        .collect();
    view! {
        {edge("1.5", true)}
        {inner}
        {edge("99.8%", done >= 1.0)}
    }
}
