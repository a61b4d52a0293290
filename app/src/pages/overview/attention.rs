//! What a person should look at first.

use leptos::prelude::*;
use model::{JobView, Shown};

use crate::ui::{Icon, fact};
use crate::{context::app, shell::Frame};

/// Jobs that went wrong and nobody has tried again, and jobs that do not stop when asked. Absent on a good day.
#[component]
pub(super) fn Attention(jobs: Vec<JobView>, running: Vec<JobView>) -> impl IntoView {
    let stuck = running.into_iter().filter(|job| job.shown() == Shown::NotResponding);
    let troubles: Vec<_> = stuck.chain(jobs).collect();
    (!troubles.is_empty()).then(|| {
        view! {
            <section class="card" aria-labelledby="attention">
                <header>
                    <h2 id="attention">"Needs attention"</h2>
                    <span class="hint">"until tried again, repeated or deleted"</span>
                </header>
                <ul class="attention">{troubles.iter().map(trouble).collect::<Vec<_>>()}</ul>
            </section>
        }
    })
}

fn trouble(job: &JobView) -> impl IntoView + use<> {
    let now = use_context::<Frame>().map_or_else(|| app().engine.now(), |frame| frame.now);
    let (icon, sentence) = match job.shown() {
        Shown::NotResponding => ("slow", format!(" was asked to stop {} ago and still runs", fact(job, now))),
        Shown::Interrupted => {
            ("interrupted", format!(" was interrupted {}, because its server stopped", fact(job, now)))
        }
        _ => {
            let why = job.failure.as_ref().map(|failure| format!(": {}", failure.message)).unwrap_or_default();
            ("failed", format!(" failed {}{why}", fact(job, now)))
        }
    };
    let href = format!("/jobs/{}", job.job);
    view! {
        <li data-state=job.shown().data_state()>
            <Icon name=icon />
            <p>
                <a href=href.clone()>{job.title.clone()}</a>
                {sentence}
            </p>
            <a class="button small" href=href>
                "Open"
                <span class="visually-hidden">{format!(" #{}", job.job)}</span>
            </a>
        </li>
    }
}
