//! Needs attention: what a user should look at first.

use engine::store::Schedule;
use leptos::prelude::*;
use model::{ControlTarget, JobView, QueueControl, Shown};

use super::text;
use crate::{
    base_path::url,
    components::{Icon, Timestamp, state_detail},
    context::app,
    layout::{ATTENTION_LIMIT, PageContext},
};

/// Paused queues and tasks, schedules that were paused automatically, failed and interrupted jobs that were not retried, and jobs that do not respond to cancel.
#[component]
pub(super) fn Attention(
    jobs: Vec<JobView>,
    suspended: Vec<Schedule>,
    running: Vec<JobView>,
    controls: Vec<QueueControl>,
) -> impl IntoView {
    let stuck = running.into_iter().filter(|job| job.shown() == Shown::NotResponding);
    let perhaps_more = jobs.len() >= ATTENTION_LIMIT as usize;
    let items: Vec<_> = stuck.chain(jobs).collect();
    let paused: Vec<_> = controls.into_iter().filter(|control| control.paused_at.is_some()).map(paused).collect();
    (!items.is_empty() || !suspended.is_empty() || !paused.is_empty()).then(|| {
        let suspended: Vec<_> = suspended.into_iter().map(stopped_schedule).collect();
        view! {
            <section class="card" aria-labelledby="attention">
                <header>
                    <h2 id="attention">{text::NEEDS_ATTENTION}</h2>
                    <span class="hint">{text::ATTENTION_HINT}</span>
                </header>
                <ul class="attention">{paused} {suspended} {items.iter().map(item).collect::<Vec<_>>()}</ul>
                {perhaps_more
                    .then(|| {
                        view! {
                            <footer>
                                {text::SHOWING_THE_LATEST}<a href=url("/jobs?state=failed")>{text::VIEW_ALL_FAILED}</a>
                                <a href=url("/jobs?state=interrupted")>{text::VIEW_ALL_INTERRUPTED}</a>
                            </footer>
                        }
                    })}
            </section>
        }
    })
}

fn paused(control: QueueControl) -> impl IntoView {
    let what = match control.of {
        ControlTarget::Queue => text::queue(&control.name),
        ControlTarget::Kind => {
            app().engine.task(&control.name).map_or_else(|| control.name.clone(), |task| format!("“{}”", task.name))
        }
    };
    view! {
        <li data-state="paused" data-key=format!("queue {}", control.name)>
            <Icon name="pause" />
            <p>
                <a href=url("/queues")>{what}</a>
                {text::WAS_PAUSED_BY}
                {control.paused_by}
                ", "
                {control.paused_at.map(|at| view! { <Timestamp at /> })}
            </p>
            <a class="button small" href=url("/queues")>
                {text::OPEN}
                <span class="visually-hidden">{text::OPEN_THE_QUEUES}</span>
            </a>
        </li>
    }
}

/// A schedule that was paused automatically, and why.
fn stopped_schedule(schedule: Schedule) -> impl IntoView {
    let href = url(&format!("/schedules/{}", schedule.id));
    let why = schedule.paused.map(|pause| text::paused_automatically(&pause.why)).unwrap_or_default();
    view! {
        <li data-state="failed" data-key=format!("schedule {}", schedule.id)>
            <Icon name="schedules" />
            <p>
                <a href=href.clone()>{schedule.plan.name.clone()}</a>
                {why}
            </p>
            <a class="button small" href=href>
                {text::OPEN}
                <span class="visually-hidden">" " {schedule.plan.name}</span>
            </a>
        </li>
    }
}

fn item(job: &JobView) -> impl IntoView + use<> {
    let now = use_context::<PageContext>().map_or_else(|| app().engine.now(), |context| context.now);
    let (icon, sentence) = match job.shown() {
        Shown::NotResponding => ("slow", text::not_responding_for(&state_detail(job, now))),
        Shown::Interrupted => ("interrupted", text::was_interrupted(&after_blank(&state_detail(job, now)))),
        _ => {
            let why = job.failure.as_ref().map(|failure| format!(": {}", failure.message)).unwrap_or_default();
            ("failed", text::failed(&after_blank(&state_detail(job, now)), &why))
        }
    };
    let href = url(&format!("/jobs/{}", job.job));
    view! {
        <li data-state=job.shown().data_state() data-key=job.job.to_string()>
            <Icon name=icon />
            <p>
                <a href=href.clone()>{job.title.clone()}</a>
                {sentence}
            </p>
            <a class="button small" href=href>
                {text::OPEN}
                <span class="visually-hidden">{format!(" #{}", job.job)}</span>
            </a>
        </li>
    }
}

fn after_blank(words: &str) -> String {
    if words.is_empty() { String::new() } else { format!(" {words}") }
}
