//! Schedules page: the list of schedules.

mod actions;
mod descriptions;
mod detail;
mod form;
mod plan_fields;
mod text;

use engine::{
    access::Action,
    store::{JobRuns, Schedule, ScheduleAt, ScheduleId, SchedulePage},
};
use leptos::{either::Either, prelude::*};
use leptos_meta::Title;
use leptos_router::{hooks::use_query_map, params::ParamsMap};
use model::count;

use self::{
    actions::{Next, PauseButton, RunNow},
    descriptions::in_words,
};
pub use self::{
    detail::SchedulePage,
    form::{EditSchedule, NewSchedule},
};
use super::shared::{Refusal, from_store, run_history};
use crate::{
    base_path::url,
    components::{Icon, kind_icon},
    context::app,
    enhance::InPlaceForms,
    layout::RefreshWithoutScript,
};

/// Schedules on one page.
const PAGE: u32 = 50;
/// Runs in the run history of a row.
const HISTORY_RUNS: u32 = 20;

/// `/schedules`.
#[component]
pub fn Schedules() -> impl IntoView {
    let plans = app().engine.can(Action::Schedule);
    view! {
        <Title text=text::SCHEDULES />
        <header class="page-head">
            <h1>{text::SCHEDULES}</h1>
            {plans.then(new_schedule_button)}
        </header>
        {from_store(read(at_of(&use_query_map().read_untracked())), |(page, runs)| view! { <List page runs /> })}
    }
}

/// Reads the page from the address: `?after=NUMBER`, `?before=NUMBER`.
fn at_of(query: &ParamsMap) -> Option<ScheduleAt> {
    let number = |name: &str| query.get(name).and_then(|number| number.parse().ok()).map(ScheduleId);
    number("after").map(ScheduleAt::After).or_else(|| number("before").map(ScheduleAt::Before))
}

/// Reads a page. One that reaches the first schedule is filled up from there.
async fn read(at: Option<ScheduleAt>) -> engine::Result<(SchedulePage, JobRuns)> {
    let engine = app().engine;
    let mut page = engine.schedules(at, PAGE).await?;
    if at.is_some() && (!page.before || page.schedules.is_empty()) {
        page = engine.schedules(None, PAGE).await?;
    }
    let runs = engine.last_runs(&page.schedules, HISTORY_RUNS).await?;
    Ok((page, runs))
}

fn new_schedule_button() -> impl IntoView {
    view! {
        <div class="actions">
            <a class="button primary" href=url("/schedules/new")>
                <Icon name="plus" />
                {text::NEW_SCHEDULE}
            </a>
        </div>
    }
}

#[component]
fn List(page: SchedulePage, runs: JobRuns) -> impl IntoView {
    let pager = pager(&page);
    let empty = page.schedules.is_empty();
    let row = |schedule: Schedule| {
        let last = runs.get(&schedule.id).cloned().unwrap_or_default();
        view! { <Row schedule last=run_history(&last).into_any() /> }
    };
    view! {
        <section class="card" aria-label=text::ALL_SCHEDULES data-forms="" data-part="schedules">
            {if empty {
                Either::Left(view! { <Empty /> })
            } else {
                Either::Right(view! {
                    <table class="table stacking schedules">
                        <thead>
                            <tr>
                                <th scope="col">{text::SCHEDULE}</th>
                                <th scope="col">{text::WHEN}</th>
                                <th scope="col">{text::NEXT_RUN}</th>
                                <th scope="col">{text::LAST_20_RUNS}</th>
                                <th scope="col">
                                    <span class="visually-hidden">{text::ACTIONS}</span>
                                </th>
                            </tr>
                        </thead>
                        <tbody>{page.schedules.into_iter().map(row).collect::<Vec<_>>()}</tbody>
                    </table>
                })
            }}
            {pager}
        </section>
        <Refusal />
        <InPlaceForms />
        <RefreshWithoutScript />
    }
}

fn pager(page: &SchedulePage) -> Option<impl IntoView + use<>> {
    let (first, last) = (page.schedules.first()?.id, page.schedules.last()?.id);
    let step = |there: bool, query: String, name: &'static str| {
        there.then(|| {
            view! {
                <a class="button small" href=url(&format!("/schedules{query}"))>
                    {name}
                </a>
            }
        })
    };
    let steps = view! {
        {step(page.before, String::new(), text::FIRST)}
        {step(page.before, format!("?before={first}"), text::PREVIOUS)}
        {step(page.after, format!("?after={last}"), text::NEXT)}
    };
    (page.before || page.after).then(|| {
        view! {
            <footer>
                <nav class="pager" aria-label=text::PAGES>
                    <span>{text::shown_of_total(&page.schedules.len(), &count(page.total))}</span>
                    <span class="actions">{steps}</span>
                </nav>
            </footer>
        }
    })
}

#[component]
fn Empty() -> impl IntoView {
    view! {
        <div class="empty">
            <h2>{text::NO_SCHEDULES}</h2>
            <p>{text::NO_SCHEDULES_HINT}</p>
        </div>
    }
}

#[component]
fn Row(schedule: Schedule, last: AnyView) -> impl IntoView {
    let engine = app().engine;
    let (id, name) = (schedule.id, schedule.plan.name.clone());
    let href = url(&format!("/schedules/{id}"));
    let task = engine.task(&schedule.plan.kind).map_or_else(|| schedule.plan.kind.clone(), |task| task.name.to_owned());
    let (changes, starts) =
        (engine.can_on_schedule(Action::Schedule, &schedule), engine.can_on_schedule(Action::Start, &schedule));
    let edit = changes.then(|| {
        let label = text::edit(&name);
        view! {
            <a class="button square quiet small" href=format!("{href}/edit") aria-label=label.clone() title=label>
                <Icon name="edit" />
            </a>
        }
    });
    view! {
        <tr data-key=id.to_string()>
            <th scope="row">
                <div class="job">
                    <span class="kind">
                        <Icon name=kind_icon(&schedule.plan.kind) />
                    </span>
                    <a href=href.clone()>{name}</a>
                    <small>{task}</small>
                </div>
            </th>
            <td data-label=text::WHEN>
                <span class="two">
                    <span>{in_words(&schedule.plan)}</span>
                    <small>
                        <code>{schedule.plan.expression.clone()}</code>
                        " "
                        {schedule.plan.zone.clone()}
                    </small>
                </span>
            </td>
            <td data-label=text::NEXT_RUN class="nowrap">
                <Next schedule=schedule.clone() />
            </td>
            <td data-label=text::LAST_RUNS>
                {last}
            </td>
            <td class="number act">
                <span class="actions">
                    {changes.then(|| view! { <PauseButton schedule=schedule.clone() small=true /> })}
                    {starts.then(|| view! { <RunNow schedule=schedule.clone() small=true /> })}
                    {edit}
                </span>
            </td>
        </tr>
    }
}
