//! Schedule page: next runs, details and run history of one schedule.

use engine::{
    Error,
    access::Action,
    schedules::parse_cron,
    store::{Run, Schedule, ScheduleId, Skip},
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;
use model::{JobId, JobView, Micros, duration};

use super::{
    actions::{Next, PauseButton, RunNow},
    descriptions::{in_words, missed, overlap, skip_reason, skipped},
    form::NextRunTimes,
    text,
};
use crate::{
    base_path::url,
    components::{Icon, LiveJob, StateBadge, Timestamp, UserName, kind_icon},
    context::app,
    enhance::InPlaceForms,
    islands::{JobActions, RowActions},
    layout::{RefreshWithoutScript, deferred},
    pages::{
        not_found::NotFound,
        shared::{
            Ask, DeletedNotice, Detail, Json, JsonText, Question, QuestionDialog, Refusal, WithRowActions, from_store,
            row_rights,
        },
    },
};

/// Runs in the history.
const HISTORY: u32 = 100;

/// `/schedules/{id}`.
#[component]
pub fn SchedulePage() -> impl IntoView {
    let id = use_params_map().read_untracked().get("id").and_then(|id| id.parse().ok()).map(ScheduleId);
    deferred(async move {
        let Some(id) = id else { return view! { <NotFound /> }.into_any() };
        match read(id).await {
            Err(Error::NoSuchSchedule(_)) => view! { <NotFound /> }.into_any(),
            answer => {
                from_store(async move { answer }, move |(schedule, runs)| view! { <ScheduleDetail schedule runs /> })
                    .into_any()
            }
        }
    })
}

async fn read(id: ScheduleId) -> engine::Result<(Schedule, Vec<Run>)> {
    let engine = app().engine;
    let schedule = engine.schedule(id, Action::See).await?;
    let runs = engine.runs(&schedule, HISTORY).await?;
    Ok((schedule, runs))
}

#[component]
fn ScheduleDetail(schedule: Schedule, runs: Vec<Run>) -> impl IntoView {
    view! {
        <Title text=schedule.plan.name.clone() />
        <RefreshWithoutScript />
        <Head schedule=schedule.clone() />
        <div class="split">
            <div class="stack">
                <DeletedNotice head=text::SCHEDULE_WAS_DELETED list=("/schedules", text::ALL_SCHEDULES) />
                <div class="part" data-part="paused">
                    <PausedAutomatically schedule=schedule.clone() />
                </div>
                <WithRowActions in_place=false>
                    <div class="part" data-part="history">
                        <History runs />
                    </div>
                </WithRowActions>
            </div>
            <div class="stack">
                <Aside schedule />
            </div>
        </div>
    }
}

#[component]
fn Head(schedule: Schedule) -> impl IntoView {
    let engine = app().engine;
    let page = url(&format!("/schedules/{}", schedule.id));
    let changes = engine.can_on_schedule(Action::Schedule, &schedule);
    let starts = engine.can_on_schedule(Action::Start, &schedule);
    let name = schedule.plan.name.clone();
    let change = changes.then(|| {
        let question = Question::new(page.clone(), &"delete-schedule");
        view! {
            <PauseButton schedule=schedule.clone() />
            <a class="button" href=format!("{page}/edit")>
                <Icon name="edit" />
                {text::EDIT}
            </a>
            <Ask question=question.clone() class="button square danger" label=text::delete(&name)>
                <Icon name="trash" />
            </Ask>
            <ConfirmDelete schedule=schedule.clone() question />
        }
    });
    view! {
        <header class="page-head">
            <nav class="crumbs" aria-label=text::YOU_ARE_HERE data-part="crumbs">
                <ol>
                    <li>
                        <a href=url("/schedules")>{text::SCHEDULES}</a>
                    </li>
                    <li aria-current="page">{name.clone()}</li>
                </ol>
            </nav>
            <div class="title" data-part="title">
                <span class="kind large">
                    <Icon name=kind_icon(&schedule.plan.kind) />
                </span>
                <h1>{name.clone()}</h1>
            </div>
            <p class="lead" data-part="plan">
                {in_words(&schedule.plan)}
                ", "
                {schedule.plan.zone.clone()}
            </p>
            <div class="actions" data-forms="">
                <div class="part" data-part="actions">
                    {starts.then(|| view! { <RunNow schedule=schedule.clone() /> })}
                    {change}
                </div>
            </div>
            <Refusal />
            <InPlaceForms />
        </header>
    }
}

/// The question before a schedule is deleted. Its name differs from those of the rows.
#[component]
fn ConfirmDelete(schedule: Schedule, question: Question) -> impl IntoView {
    let title = text::confirm_delete(&schedule.plan.name);
    view! {
        <QuestionDialog question title consequences=text::DELETE_CONSEQUENCES.to_owned()>
            <form method="post" action=url("/api/delete_schedule")>
                <input type="hidden" name="id" value=schedule.id.0 />
                <input type="hidden" name="revision" value=schedule.revision />
                <button class="button danger primary" type="submit">
                    <Icon name="trash" />
                    {text::DELETE_SCHEDULE}
                </button>
            </form>
        </QuestionDialog>
    }
}

/// Why the schedule was paused automatically.
#[component]
fn PausedAutomatically(schedule: Schedule) -> impl IntoView {
    let pause = schedule.paused.filter(|pause| pause.by.is_none())?;
    Some(view! {
        <div class="notice bad" role="status">
            <Icon name="warning" />
            <div>
                <h2>{text::PAUSED_AUTOMATICALLY}</h2>
                <p>{text::could_not_start(&pause.why.trim_end_matches('.'))} {text::FIX_THEN_RESUME}</p>
            </div>
        </div>
    })
}

#[component]
fn Aside(schedule: Schedule) -> impl IntoView {
    let plan = schedule.plan.clone();
    let ahead = parse_cron(&plan.expression, &plan.zone).ok().filter(|_| schedule.paused.is_none());
    let as_planned = ahead.is_some() && schedule.waiting == 0 && schedule.next_at.is_some();
    let input = schedule.input().unwrap_or_default();
    let task = app().engine.task(&plan.kind).map_or_else(|| plan.kind.clone(), |task| task.name.to_owned());
    view! {
        <div class="part" data-part="ahead">
            <section class="card" aria-labelledby="ahead">
                <header>
                    <h2 id="ahead">{text::NEXT_RUNS}</h2>
                    <span class="hint">{plan.zone.clone()}</span>
                </header>
                <div class="body">
                    {(!as_planned).then(|| view! { <Next schedule=schedule.clone() /> })}
                    {ahead.map(|cron| view! { <NextRunTimes cron /> })}
                </div>
            </section>
            <section class="card" aria-labelledby="facts">
                <header>
                    <h2 id="facts">{text::DETAILS}</h2>
                </header>
                <div class="body">
                    <dl class="details">
                        <Detail term=text::TASK>{task}</Detail>
                        <Detail term=text::WHEN>{format!("{} ({})", plan.expression, plan.zone)}</Detail>
                        <Detail term=text::OVERLAP>{overlap(plan.overlap).to_owned()}</Detail>
                        <Detail term=text::MISSED_RUNS>{missed(plan.missed)}</Detail>
                        {(plan.priority.level() != 0)
                            .then(|| view! { <Detail term=text::PRIORITY>{plan.priority.level().to_string()}</Detail> })}
                        <Detail term=text::RUNS_AS>
                            <UserName name=schedule.owner.clone() />
                        </Detail>
                        <Detail term=text::CHANGED>
                            <UserName name=schedule.changed_by.clone() /> ", " <Timestamp at=schedule.changed_at />
                        </Detail>
                    </dl>
                </div>
            </section>
            <section class="card" aria-labelledby="input">
                <header>
                    <h2 id="input">{text::INPUT}</h2>
                </header>
                <div class="body">
                    <Json text=JsonText::of(&input) label=text::INPUT_AS_JSON id="input-json" />
                </div>
            </section>
        </div>
    }
}

#[component]
fn History(runs: Vec<Run>) -> impl IntoView {
    let none = runs.is_empty();
    let jobs: Vec<_> = runs.iter().filter_map(Run::job).cloned().collect();
    let rights = row_rights(&jobs);
    let row = |run| match run {
        Run::Started { due, job } => {
            let actions = rights.of(&job);
            view! { <Started due job=*job actions /> }.into_any()
        }
        Run::Skipped { skip, job, .. } => view! { <Skipped skip job /> }.into_any(),
    };
    let rows: Vec<_> = runs.into_iter().map(row).collect();
    view! {
        <section class="card" aria-labelledby="history">
            <header>
                <h2 id="history">{text::RUNS}</h2>
                <span class="hint">{text::NEWEST_FIRST}</span>
            </header>
            {if none {
                view! { <p class="body">{text::NO_RUNS_YET}</p> }.into_any()
            } else {
                view! {
                    <table class="table stacking">
                        <thead>
                            <tr>
                                <th scope="col">{text::DUE}</th>
                                <th scope="col">{text::JOB}</th>
                                <th scope="col">{text::RESULT}</th>
                                <th class="number" scope="col">
                                    {text::TOOK}
                                </th>
                                <th class="do" scope="col">
                                    <span class="visually-hidden">{text::ACTIONS}</span>
                                </th>
                            </tr>
                        </thead>
                        <tbody>{rows}</tbody>
                    </table>
                }
                    .into_any()
            }}
        </section>
    }
}

#[component]
fn Started(due: Option<Micros>, job: JobView, actions: Option<RowActions>) -> impl IntoView {
    let by = job.created_by.clone();
    let due = match due {
        Some(at) => view! { <Timestamp at /> }.into_any(),
        None => view! {
            <span class="two">
                <span>
                    <Timestamp at=job.created_at />
                </span>
                <small>{text::BY} <UserName name=by.clone() /></small>
            </span>
        }
        .into_any(),
    };
    let took = job.ended().and_then(|at| job.work_time(at)).map(duration);
    let id = job.job;
    let live = LiveJob::fixed(job.clone(), app().engine.now());
    view! {
        <tr data-key=job.job.to_string()>
            <th scope="row">{due}</th>
            <td data-label=text::JOB>
                <Link job=job.job />
            </td>
            <td data-label=text::RESULT>
                <StateBadge shown=job.shown() />
            </td>
            <td class="number" data-label=text::TOOK>
                {took}
            </td>
            <td class="do">{actions.map(|actions| view! { <JobActions id job=live actions /> })}</td>
        </tr>
    }
}

#[component]
fn Skipped(skip: Skip, job: Option<JobId>) -> impl IntoView {
    view! {
        <tr class="skipped">
            <th scope="row">
                <span class="two">
                    <span>
                        <Timestamp at=skip.due />
                    </span>
                    {(skip.runs > 1).then(|| view! { <small>{text::TO} <Timestamp at=skip.last_due /></small> })}
                </span>
            </th>
            <td data-label=text::JOB>{job.map(|job| view! { <Link job /> })}</td>
            <td data-label=text::RESULT colspan="3">
                <span class="two">
                    <span>{skipped(&skip)}</span>
                    <small>{skip_reason(&skip)}</small>
                </span>
            </td>
        </tr>
    }
}

#[component]
fn Link(job: JobId) -> impl IntoView {
    view! { <a href=url(&format!("/jobs/{job}"))>{format!("#{job}")}</a> }
}
