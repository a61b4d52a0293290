//! Queues page: running and waiting jobs of each queue and task, with pause and limit.

mod text;

use engine::{KindStatus, QueueStatus, access::Action};
use leptos::{either::Either, prelude::*};
use leptos_meta::Title;
use model::{ControlTarget, Counts, JobState, QueueControl, count};

use super::shared::{ListHeader, Refusal, from_store};
use crate::{
    base_path::url,
    components::{Icon, TaskName, Timestamp, UserName},
    context::app,
    enhance::InPlaceForms,
    layout::RefreshWithoutScript,
    server_fns::{MAX_PARALLEL_JOBS, paused_text},
};

/// `/queues`.
#[component]
pub fn Queues() -> impl IntoView {
    view! {
        <Title text=text::QUEUES />
        <ListHeader name=text::QUEUES />
        {from_store(async { app().engine.queues().await }, |queues| view! { <QueueCards queues /> })}
    }
}

#[component]
fn QueueCards(queues: Vec<QueueStatus>) -> impl IntoView {
    let moving = queues.iter().any(|queue| queue.jobs().running > 0);
    let cards: Vec<_> = queues.into_iter().map(|queue| view! { <QueueCard queue /> }).collect();
    view! {
        <div class="stack">
            <div class="stack" data-forms="" data-part="queues">
                {cards}
            </div>
            <Refusal />
        </div>
        <InPlaceForms />
        {moving.then(|| view! { <RefreshWithoutScript /> })}
    }
}

/// One queue with its tasks.
#[component]
fn QueueCard(queue: QueueStatus) -> impl IntoView {
    let name = queue.control.name.clone();
    let id = format!("queue-{name}");
    let held = match queue.control.paused_at {
        Some(_) => Some(text::QUEUE_PAUSED),
        None if queue.is_full() => Some(text::QUEUE_LIMIT_REACHED),
        None if app().engine.concurrency() == 0 => Some(text::NO_WORKER_IS_RUNNING),
        None => None,
    };
    let manages = app().engine.can(Action::ManageQueues);
    let rows: Vec<_> = queue.kinds.iter().cloned().map(|kind| view! { <Row kind held manages /> }).collect();
    let control = queue.control.clone();
    let handles = if manages {
        Either::Left(view! {
            <Limit control=control.clone() most=None />
            <PauseButton control />
        })
    } else {
        Either::Right(view! { <span class="hint">{limit_in_words(&control, None)}</span> })
    };
    view! {
        <section class="card" aria-labelledby=id.clone()>
            <header>
                <h2 id=id.clone()>{name}</h2>
                <Paused control=queue.control.clone() />
                <span class="hint">{summary(&queue.jobs())}</span>
                <div class="actions">{handles}</div>
            </header>
            <table class="table stacking queue">
                {columns(manages)}
                <tbody>{rows}</tbody>
            </table>
        </section>
    }
}

/// The table head; with a column for the buttons of users who may pause.
fn columns(manages: bool) -> impl IntoView {
    if !manages {
        return Either::Right(view! {
            <thead>
                <tr>
                    <th scope="col">{text::TASK}</th>
                    <th class="number" scope="col">
                        {text::RUNNING}
                    </th>
                    <th class="number" scope="col">
                        {text::WAITING}
                    </th>
                    <th class="limited" scope="col">
                        {text::LIMIT}
                    </th>
                </tr>
            </thead>
        });
    }
    Either::Left(view! {
        <thead>
            <tr>
                <th scope="col">{text::TASK}</th>
                <th class="number" scope="col">
                    {text::RUNNING}
                </th>
                <th class="number" scope="col">
                    {text::WAITING}
                </th>
                <th class="limited" scope="col">
                    {text::LIMIT}
                </th>
                <th class="turned" scope="col">
                    <span class="visually-hidden">{text::PAUSE}</span>
                </th>
            </tr>
        </thead>
    })
}

#[component]
fn Row(
    kind: KindStatus,
    /// Why the queue starts none of its jobs, if it does not.
    held: Option<&'static str>,
    /// Whether the user may pause and limit it.
    manages: bool,
) -> impl IntoView {
    let held = held.or_else(|| kind.is_full().then_some(text::LIMIT_REACHED));
    let KindStatus { task, control, jobs } = kind;
    let name = task.kind.as_str();
    let state = match control.paused_at {
        Some(_) => Either::Left(view! { <Paused control=control.clone() /> }),
        None => Either::Right(waiting_reason(&jobs, held)),
    };
    let some = |state: JobState, words: &'static str| {
        // The job list has one tab for queued and scheduled jobs.
        let tab = if state == JobState::Scheduled { JobState::Queued } else { state };
        let href = url(&format!("/jobs?kind={name}&state={tab}"));
        let number = jobs.of(state);
        (number > 0).then(|| view! { <a href=href>{format!("{}{words}", count(number))}</a> })
    };
    let waiting = [(JobState::Queued, ""), (JobState::Scheduled, " scheduled"), (JobState::Paused, " paused")];
    let waiting: Vec<_> = waiting.into_iter().filter_map(|(state, words)| some(state, words)).collect();
    let handles = if manages {
        Either::Left(view! {
            <td data-label=text::LIMIT>
                <Limit control=control.clone() most=task.limit />
            </td>
            <td>
                <PauseButton control />
            </td>
        })
    } else {
        Either::Right(view! {
            <td data-label=text::LIMIT>
                <span class="limit">{limit_in_words(&control, task.limit)}</span>
            </td>
        })
    };
    view! {
        <tr>
            <th scope="row">
                <TaskName kind=name.to_owned() name=task.name.to_owned()>
                    {state}
                </TaskName>
            </th>
            <td class="number" data-label=text::RUNNING>
                {some(JobState::Running, "")}
            </td>
            <td class="number" data-label=text::WAITING>
                {(!waiting.is_empty()).then(|| view! { <span class="two">{waiting}</span> })}
            </td>
            {handles}
        </tr>
    }
}

#[component]
fn Paused(control: QueueControl) -> impl IntoView {
    control.paused_at.map(|at| {
        view! {
            <span class="state" data-state="paused">
                <Icon name="pause" />
                <span>{text::PAUSED}</span>
                " "
                <small>{text::BY} {control.paused_by.clone().map(|name| view! { <UserName name /> })} ", " <Timestamp at /></small>
            </span>
        }
    })
}

#[component]
fn PauseButton(control: QueueControl) -> impl IntoView {
    let (verb, icon, word) =
        if control.paused_at.is_some() { ("resume", "play", text::RESUME) } else { ("pause", "pause", text::PAUSE) };
    let class = if control.paused_at.is_some() { "button small primary" } else { "button small" };
    let of = control.of.as_str();
    let pauses = control.paused_at.is_none();
    let toast = pauses.then(|| paused_text(control.of, &control.name));
    let undo = pauses.then(|| url(&format!("/api/resume_{of}")));
    view! {
        <form method="post" action=url(&format!("/api/{verb}_{of}")) data-toast=toast data-undo=undo>
            <input type="hidden" name=of value=control.name.clone() />
            <button class=class type="submit">
                <Icon name=icon />
                {word}
                <span class="visually-hidden">{text::named(&of, &control.name)}</span>
            </button>
        </form>
    }
}

/// Limit of parallel jobs.
#[component]
fn Limit(
    control: QueueControl,
    /// The task's own limit.
    most: Option<u32>,
) -> impl IntoView {
    let of = control.of.as_str();
    let label = text::limit_of(&of, &control.name);
    let most = most.unwrap_or(MAX_PARALLEL_JOBS).min(MAX_PARALLEL_JOBS);
    let none = match (control.of, most) {
        (ControlTarget::Kind, most) if most < MAX_PARALLEL_JOBS => most.to_string(),
        _ => "any".to_owned(),
    };
    view! {
        <form class="limit" method="post" action=url(&format!("/api/limit_{of}"))>
            <input type="hidden" name=of value=control.name />
            <input
                class="input"
                type="number"
                name="at_once"
                min="1"
                max=most.to_string()
                value=control.at_once.map(|limit| limit.to_string())
                placeholder=none
                aria-label=label
            />
            <span class="hint">{text::AT_ONCE}</span>
            <button class="button small" type="submit">
                {text::SAVE}
            </button>
        </form>
    }
}

/// `limit 2`, for users who may not change it. `most` is the task's own limit.
fn limit_in_words(control: &QueueControl, most: Option<u32>) -> String {
    match control.at_once.or(most) {
        Some(limit) => text::limit(&count(u64::from(limit))),
        None => text::NO_LIMIT.to_owned(),
    }
}

/// Why jobs wait.
fn waiting_reason(jobs: &Counts, held: Option<&'static str>) -> &'static str {
    if jobs.queued == 0 { text::NO_QUEUED_JOBS } else { held.unwrap_or(text::WAITING_FOR_A_FREE_SLOT) }
}

/// `2 running, 14 waiting`.
fn summary(jobs: &Counts) -> String {
    let waiting = jobs.queued + jobs.scheduled + jobs.paused;
    match (jobs.running, waiting) {
        (0, 0) => "idle".to_owned(),
        (running, 0) => text::running(&count(running)),
        (0, waiting) => text::waiting(&count(waiting)),
        (running, waiting) => text::running_and_waiting(&count(running), &count(waiting)),
    }
}
