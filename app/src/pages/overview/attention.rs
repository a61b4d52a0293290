//! Needs attention: what a user should look at first.

use leptos::prelude::*;
use model::{ControlTarget, JobView, QueueControl, Shown};

use crate::{
    base_path::url,
    components::{Icon, Timestamp, state_detail},
    context::app,
    layout::{ATTENTION_LIMIT, PageContext},
};

/// Paused queues and tasks, failed and interrupted jobs that were not retried, and jobs that do not respond to cancel.
#[component]
pub(super) fn Attention(jobs: Vec<JobView>, running: Vec<JobView>, controls: Vec<QueueControl>) -> impl IntoView {
    let stuck = running.into_iter().filter(|job| job.shown() == Shown::NotResponding);
    let perhaps_more = jobs.len() >= ATTENTION_LIMIT as usize;
    let troubles: Vec<_> = stuck.chain(jobs).collect();
    let paused: Vec<_> = controls.into_iter().filter(|control| control.paused_at.is_some()).map(paused).collect();
    (!troubles.is_empty() || !paused.is_empty()).then(|| {
        view! {
            <section class="card" aria-labelledby="attention">
                <header>
                    <h2 id="attention">"Needs attention"</h2>
                    <span class="hint">"until retried, rerun, deleted or resumed"</span>
                </header>
                <ul class="attention">{paused} {troubles.iter().map(trouble).collect::<Vec<_>>()}</ul>
                {perhaps_more
                    .then(|| {
                        view! {
                            <footer>
                                "Showing the latest. "<a href=url("/jobs?state=failed")>"View all failed"</a>
                                <a href=url("/jobs?state=interrupted")>"View all interrupted"</a>
                            </footer>
                        }
                    })}
            </section>
        }
    })
}

fn paused(control: QueueControl) -> impl IntoView {
    let what = match control.of {
        ControlTarget::Queue => format!("Queue “{}”", control.name),
        ControlTarget::Kind => {
            app().engine.task(&control.name).map_or_else(|| control.name.clone(), |task| format!("“{}”", task.name))
        }
    };
    view! {
        <li data-state="paused">
            <Icon name="pause" />
            <p>
                <a href=url("/queues")>{what}</a>
                " is paused by "
                {control.paused_by}
                ", "
                {control.paused_at.map(|at| view! { <Timestamp at /> })}
            </p>
            <a class="button small" href=url("/queues")>
                "Open"
                <span class="visually-hidden">" the queues"</span>
            </a>
        </li>
    }
}

fn trouble(job: &JobView) -> impl IntoView + use<> {
    let now = use_context::<PageContext>().map_or_else(|| app().engine.now(), |context| context.now);
    let (icon, sentence) = match job.shown() {
        Shown::NotResponding => ("slow", format!(" is not responding to cancel for {}", state_detail(job, now))),
        Shown::Interrupted => {
            ("interrupted", format!(" was interrupted{}: worker died", after_blank(&state_detail(job, now))))
        }
        _ => {
            let why = job.failure.as_ref().map(|failure| format!(": {}", failure.message)).unwrap_or_default();
            ("failed", format!(" failed{}{why}", after_blank(&state_detail(job, now))))
        }
    };
    let href = url(&format!("/jobs/{}", job.job));
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

fn after_blank(words: &str) -> String {
    if words.is_empty() { String::new() } else { format!(" {words}") }
}
