use leptos::prelude::*;
use model::{JobState, JobView, Micros, Shown, Tone, count, duration, quantity, rate};

use crate::{
    live,
    ui::{MileBar, MileBarSize, StageNames, When, ago, fact, words},
};

/// How far the job is: the large bar, what it says, and the figures.
#[island]
pub fn JobProgress(
    /// The job as the page shows it.
    job: JobView,
    /// The names of its stages.
    stages: Vec<String>,
    /// The server's clock.
    now: Micros,
) -> impl IntoView {
    let job = live::job(job, false);
    let now = live::now(now);
    let left = move || left(&job.read(), now.get());
    let stalled = Signal::derive(move || job.read().quiet_for(now.get()).is_some());
    view! {
        <section class="card" aria-label="Progress">
            <div class="progress" data-state=move || job.read().shown().data_state()>
                <div class="headline">
                    <p class="percent" hidden=move || job.read().percent().is_none()>
                        {move || job.read().percent()}
                        <small>"%"</small>
                    </p>
                    <p class="stage">
                        <b>{move || headline(&job.read())}</b>
                        <span>{move || place(&job.read(), now.get())}</span>
                    </p>
                    <p class="left">
                        <b>{move || left().head}</b>
                        <span>{move || left().before} {move || left().at.map(|at| view! { <When at /> })} {move || left().after}</span>
                    </p>
                </div>
                <div class="road">
                    <MileBar job size=MileBarSize::Hero stalled />
                    <StageNames job names=stages />
                </div>
                <p
                    class="message"
                    data-tone=move || tone(job.read().progress.tone)
                    hidden=move || job.read().progress.message.is_empty()
                >
                    {move || job.read().progress.message.clone()}
                </p>
            </div>
            <dl class="figures">
                <Figure term=move || done(&job.read()) />
                <Figure term=move || speed(&job.read()) />
                <Figure term=move || time(&job.read(), now.get()) />
                <Figure term=move || heard(&job.read(), now.get()) />
                <Figure term=move || warnings(&job.read()) />
            </dl>
        </section>
    }
}

/// Term, value, and a smaller second line. No figure without a value.
type Triple = Option<(String, String, String)>;

#[component]
fn Figure(
    /// Its three texts.
    #[prop(into)]
    term: Signal<Triple>,
) -> impl IntoView {
    let text = move |pick: fn(&(String, String, String)) -> &String| {
        term.read().as_ref().map(|triple| pick(triple).clone()).unwrap_or_default()
    };
    view! {
        <div hidden=move || term.read().is_none()>
            <dt>{move || text(|triple| &triple.0)}</dt>
            <dd>{move || text(|triple| &triple.1)}</dd>
            <dd>{move || text(|triple| &triple.2)}</dd>
        </div>
    }
}

/// The stage at work, else the state.
fn headline(job: &JobView) -> String {
    match (&job.progress.stage, job.state) {
        (Some(stage), JobState::Running | JobState::Failed | JobState::Cancelled | JobState::Interrupted) => {
            stage.name.clone()
        }
        _ => job.shown().label().to_owned(),
    }
}

fn place(job: &JobView, now: Micros) -> String {
    let Some(stage) = &job.progress.stage else { return fact(job, now) };
    let (number, count) = (stage.index + 1, stage.count);
    match job.state {
        JobState::Running => format!("Stage {number} of {count}"),
        JobState::Failed | JobState::Cancelled | JobState::Interrupted => {
            format!("Stopped in stage {number} of {count}")
        }
        JobState::Succeeded => format!("All {count} stages passed"),
        JobState::Scheduled | JobState::Queued | JobState::Paused => fact(job, now),
    }
}

/// What stands at the right: a heading, and a line with an instant in it.
#[derive(Default)]
struct Left {
    head: String,
    before: &'static str,
    at: Option<Micros>,
    after: String,
}

/// How the cancel goes, or how long it took.
fn left(job: &JobView, now: Micros) -> Left {
    let by = job.cancel_requested_by.as_deref().map_or_else(String::new, |by| format!(", asked by {by}"));
    match (job.shown(), job.cancel_requested_at, job.ended_at) {
        (Shown::Cancelling | Shown::NotResponding, Some(asked), _) => {
            let waited = now.seconds_since(asked).max(0.0) as u64;
            Left { head: format!("Cancelling {waited} s"), before: "since ", at: Some(asked), after: by }
        }
        (Shown::Cancelled, Some(asked), Some(ended)) if job.started_at.is_some() => {
            let took = ended.seconds_since(asked).max(0.0);
            let head =
                if took < 0.05 { "Stopped at once".to_owned() } else { format!("Stopped after {}", duration(took)) };
            Left { head, before: "ended ", at: Some(ended), after: by }
        }
        (Shown::Succeeded | Shown::Warnings, Some(_), Some(ended)) => Left {
            head: took(job, ended),
            before: "finished before the cancel took effect, ",
            at: Some(ended),
            after: String::new(),
        },
        (_, _, Some(ended)) => {
            Left { head: took(job, ended), before: "ended ", at: Some(ended), after: format!(", {}", ago(ended, now)) }
        }
        (_, _, None) => Left::default(),
    }
}

fn took(job: &JobView, ended: Micros) -> String {
    job.ran_for(ended).map_or_else(|| "Never began".to_owned(), |seconds| format!("Took {}", duration(seconds)))
}

fn done(job: &JobView) -> Triple {
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
    Some((term, quantity(progress.value, unit), of.unwrap_or_else(|| "total not known".to_owned())))
}

fn speed(job: &JobView) -> Triple {
    let rate = rate(job.progress.rate.filter(|_| job.state == JobState::Running)?, &job.progress.unit);
    Some(("Rate, last 30 s".to_owned(), rate, String::new()))
}

fn time(job: &JobView, now: Micros) -> Triple {
    let seconds = job.ran_for(now)?;
    let term = if job.ended_at.is_some() { "Ran for" } else { "Running for" };
    let waited = job.started_at.filter(|_| job.attempt == 1).map(|at| at.seconds_since(job.created_at).max(0.0));
    let waited = waited.map_or_else(String::new, |seconds| format!("waited {}", duration(seconds)));
    Some((term.to_owned(), duration(seconds), waited))
}

fn heard(job: &JobView, now: Micros) -> Triple {
    let at = job.progress.at.filter(|_| job.state == JobState::Running)?;
    Some(("Updated".to_owned(), ago(at, now), words(at)))
}

fn warnings(job: &JobView) -> Triple {
    let warnings = job.progress.warnings;
    (warnings > 0).then(|| ("Warnings".to_owned(), count(warnings), "named in the log".to_owned()))
}

const fn tone(tone: Tone) -> &'static str {
    match tone {
        Tone::Info => "info",
        Tone::Success => "success",
        Tone::Warning => "warning",
        Tone::Danger => "danger",
    }
}
