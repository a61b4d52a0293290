//! Overview page: what needs attention, what runs, what happened.

mod attention;
mod chart;
mod data_directory;
mod get_started;
mod metrics;
mod next_runs;
mod running_jobs;
mod storage;
mod tasks;
mod text;

use engine::{
    access::Action,
    store::{HourBucket, KindStats, ListQuery, Schedule, Usage},
};
use leptos::{either::Either, prelude::*};
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use model::{JobState, JobView, QueueControl};

use self::{
    attention::Attention,
    chart::{FinishedPerHour, Span},
    data_directory::DataDirectory,
    get_started::{GetStarted, Steps},
    metrics::Metrics,
    next_runs::{NEXT_RUNS, NextRuns},
    running_jobs::RunningJobs,
    storage::Storage,
    tasks::Tasks,
};
use super::shared::{ListHeader, WithRowActions, from_store};
use crate::{
    base_path::url,
    components::Icon,
    context::app,
    layout::{PageContext, RefreshWithoutScript},
    server_fns::DEMO,
};

/// Rows of running jobs.
const ROWS: usize = 12;
/// At most this many running jobs are looked at for those that need attention.
const WATCHED: u32 = 200;

struct OverviewData {
    /// Newest first; at most [`WATCHED`].
    running: Vec<JobView>,
    day: Vec<HourBucket>,
    span: Vec<HourBucket>,
    kinds: Vec<KindStats>,
    usage: Usage,
    controls: Vec<QueueControl>,
    schedules: Vec<Schedule>,
}

/// `/`.
#[component]
pub fn Overview() -> impl IntoView {
    let context = expect_context::<PageContext>();
    let span = Span::read(&use_query_map().read_untracked());
    let moving = context.counts.running > 0;
    view! {
        <Title text=text::OVERVIEW />
        <ListHeader name=text::OVERVIEW />
        <div class="part" data-part="overview">
            <div class="stack">
                <DataDirectory />
                {from_store(
                    Steps::read(),
                    move |steps| {
                        let is_demo_offered = steps.as_ref().is_some_and(|steps| !steps.demo_started);
                        view! {
                            {steps.map(|steps| view! { <GetStarted steps /> })}
                            {if context.counts.total() == 0 && context.suspended.is_empty() {
                                Either::Left(view! { <NoJobsYet is_demo_offered /> })
                            } else {
                                Either::Right(from_store(read(span), move |data| view! { <Cards context data span /> }))
                            }}
                        }
                    },
                )}
            </div>
        </div>
        {moving.then(|| view! { <RefreshWithoutScript /> })}
    }
}

async fn read(span: Span) -> engine::Result<OverviewData> {
    let engine = app().engine;
    let running = ListQuery { states: vec![JobState::Running], limit: WATCHED, ..ListQuery::default() };
    let (running, span, kinds, usage, controls, schedules) = tokio::try_join!(
        engine.page(running),
        engine.finished_per_hour(span.hours()),
        engine.kind_stats(),
        engine.usage(),
        engine.controls(),
        engine.next_schedules(NEXT_RUNS),
    )?;
    let day = span[span.len().saturating_sub(24)..].to_vec();
    Ok(OverviewData { running: running.jobs, day, span, kinds, usage, controls, schedules })
}

#[component]
fn Cards(context: PageContext, data: OverviewData, span: Span) -> impl IntoView {
    let in_place = app().engine.can(Action::Control) && (context.counts.running > 0 || !context.attention.is_empty());
    // Longest-running first, so that new jobs are added at the end.
    let rows: Vec<_> = data.running.iter().take(ROWS).rev().cloned().collect();
    view! {
        <WithRowActions in_place>
            <Attention
                jobs=context.attention.clone()
                suspended=context.suspended.clone()
                running=data.running
                controls=data.controls
            />
            <Metrics counts=context.counts day=data.day />
            <RunningJobs jobs=rows counts=context.counts now=context.now />
            <div class="split even">
                <FinishedPerHour hours=data.span span />
                <Storage usage=data.usage />
            </div>
            <NextRuns schedules=data.schedules now=context.now />
            <Tasks kinds=data.kinds />
        </WithRowActions>
    }
}

/// A new installation, without jobs.
#[component]
fn NoJobsYet(
    /// Whether the page offers the demo already.
    is_demo_offered: bool,
) -> impl IntoView {
    let starts = app().engine.can(Action::Start);
    let text = if starts { text::FRESH_HINT } else { text::FRESH_HINT_VIEWER };
    view! {
        <section class="card empty" aria-labelledby="fresh">
            <svg class="road-art" viewBox="0 0 144 40" aria-hidden="true" focusable="false">
                <path d="M8 34h128M24 34V14M72 34V14M120 34V14"></path>
            </svg>
            <h2 id="fresh">{text::NOTHING_HAS_RUN_YET}</h2>
            <p>{text}</p>
            {starts.then(|| start_first_job(is_demo_offered))}
        </section>
    }
}

/// The demo, unless the page offers it already, and the catalogue.
fn start_first_job(is_demo_offered: bool) -> impl IntoView {
    let demo = (!is_demo_offered).then(|| start_demo("button primary")).flatten();
    let class = if demo.is_some() || is_demo_offered { "button" } else { "button primary" };
    view! {
        <div class="actions">
            {demo} <a class=class href=url("/new")>
                {text::SEE_ALL_TASKS}
            </a>
        </div>
    }
}

/// The button that starts the demo; `None` if the user may not start it.
fn start_demo(class: &'static str) -> Option<impl IntoView> {
    app().engine.startable().any(|task| task.kind.as_str() == DEMO).then(|| {
        view! {
            <form method="post" action=url("/api/start_demo")>
                <button class=class type="submit">
                    <Icon name="play" />
                    {text::START_THE_DEMO}
                </button>
            </form>
        }
    })
}
