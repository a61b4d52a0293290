//! A job as a row of a table: what it is, how it goes, when.

use leptos::prelude::*;
use model::{JobView, Micros, Shown, count, duration, quantity, rate};

use super::{Icon, MileBar, StatePill, When, fact, kind_icon};

/// The job: the icon of its kind, its title, its number.
pub fn job_name(job: &JobView) -> impl IntoView + use<> {
    view! {
        <div class="job">
            <span class="kind">
                <Icon name=kind_icon(&job.kind) />
            </span>
            <a href=format!("/jobs/{}", job.job)>{job.title.clone()}</a>
            <small>{format!("#{} · {}", job.job, job.kind)}</small>
        </div>
    }
}

/// How the job goes: its bar until it ends, then its outcome. Always as high as two lines and a bar at most.
#[component]
pub fn Going(
    /// The job.
    #[prop(into)]
    job: Signal<JobView>,
    /// The moving now.
    #[prop(into)]
    now: Signal<Micros>,
) -> impl IntoView {
    let shown = Memo::new(move |_| job.read().shown());
    let over = Memo::new(move |_| job.read().state.is_terminal());
    let stalled = Memo::new(move |_| job.read().quiet_for(now.get()).is_some());
    let detail = Signal::derive(move || {
        let job = job.read();
        match (&job.progress.stage, stalled.get()) {
            (Some(stage), false) if shown.get() == Shown::Running => {
                format!("{}, {} of {}", stage.name, stage.index + 1, stage.count)
            }
            _ => fact(&job, now.get()),
        }
    });
    let percent = move || job.read().percent().map(|percent| format!("{percent}\u{a0}%"));
    view! {
        <div class="going">
            <div class="top">
                <StatePill shown stalled detail />
                {move || (!over.get()).then(|| view! { <span class="percent">{percent}</span> })}
            </div>
            {move || (!over.get()).then(|| view! { <MileBar job stalled /> })}
            {move || {
                let line = line(&job.read());
                (!line.is_empty()).then(|| view! { <small>{line}</small> })
            }}
        </div>
    }
}

/// The job's time: how long it has been at it, or when it ended and how long it took.
#[component]
pub fn Timing(
    /// The job.
    #[prop(into)]
    job: Signal<JobView>,
    /// The moving now.
    #[prop(into)]
    now: Signal<Micros>,
) -> impl IntoView {
    let ended = Memo::new(move |_| job.read().ended_at.filter(|_| job.read().state.is_terminal()));
    view! {
        <span class="two">
            {move || match ended.get() {
                Some(at) => {
                    let took = job.read_untracked().ran_for(at).map(|seconds| format!("took {}", duration(seconds)));
                    view! {
                        <When at />
                        <small>{took}</small>
                    }
                    .into_any()
                }
                None => view! {
                    <span>{move || so_far(&job.read(), now.get())}</span>
                    <small>{move || doing(&job.read())}</small>
                }
                .into_any(),
            }}
        </span>
    }
}

/// What is said below the bar, or below the outcome.
fn line(job: &JobView) -> String {
    match job.shown() {
        Shown::Running => running_line(job),
        Shown::Cancelling => "Asked to stop, waiting for the task".to_owned(),
        Shown::NotResponding => "Asked to stop, still at work".to_owned(),
        Shown::Queued => "Waits for a free place".to_owned(),
        Shown::Scheduled => "Waits for its time".to_owned(),
        Shown::Paused => "Set aside".to_owned(),
        Shown::Interrupted => "Its server stopped while it ran".to_owned(),
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
        return if progress.message.is_empty() { "Nothing reported yet".to_owned() } else { progress.message.clone() };
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
            format!("Stopped {} after the request", duration(ended.seconds_since(asked)))
        }
        _ => "Before it started".to_owned(),
    }
}

/// How long it has been doing what it does.
fn so_far(job: &JobView, now: Micros) -> String {
    match (job.shown(), job.run_at) {
        (Shown::Scheduled | Shown::Retrying, Some(at)) => format!("in {}", coarse(at.seconds_since(now))),
        _ => coarse(now.seconds_since(job.started_at.unwrap_or(job.created_at))),
    }
}

fn doing(job: &JobView) -> &'static str {
    match job.shown() {
        Shown::Running | Shown::Cancelling | Shown::NotResponding => "running",
        Shown::Queued => "waiting",
        Shown::Scheduled | Shown::Retrying => "until it starts",
        Shown::Paused => "paused",
        Shown::Succeeded | Shown::Warnings | Shown::Failed | Shown::Cancelled | Shown::Interrupted => "",
    }
}

/// A duration that moves: whole seconds, so that it does not flicker.
fn coarse(seconds: f64) -> String {
    let seconds = seconds.max(0.0).floor();
    if seconds < 10.0 { format!("{seconds} s") } else { duration(seconds) }
}
