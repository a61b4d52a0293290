//! Job page: progress, log, files, input and actions of one job.
//!
//! Islands update what changes often. Parts with `data-part` are drawn by the server only: when the job changes its
//! state, attempt or stage, they are fetched again at once, and while it runs every ten seconds.

mod attempts;
mod data;
mod details_cards;
mod earlier_runs;
mod header;
mod input;
mod log;
mod log_findings;
mod notes;
mod notices;
mod outcome;
mod percent_encoding;
mod preview;
mod progress_chart;
mod stages;
mod text;

use engine::Error;
use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};
use model::JobId;

use self::data::{Data, JobQuery};
pub use self::preview::MAX_IMAGE;
use super::{not_found::NotFound, shared::DeletedNotice};
use crate::{
    components::document_title,
    islands::JobProgress,
    layout::{RefreshWithoutScript, deferred},
};

/// `/jobs/{id}`.
#[component]
pub fn JobPage() -> impl IntoView {
    let job = use_params_map().read_untracked().get("id").and_then(|id| id.parse::<JobId>().ok());
    let asked = JobQuery::of(&use_query_map().read_untracked());
    deferred(async move {
        let Some(job) = job else { return view! { <NotFound /> }.into_any() };
        match Data::load(job, asked).await {
            Ok(data) => view! { <Job data /> }.into_any(),
            Err(Error::NoSuchJob(_)) => view! { <NotFound /> }.into_any(),
            Err(error) => {
                tracing::error!(%job, %error, "the page of a job could not be made");
                view! { <Unreadable job /> }.into_any()
            }
        }
    })
}

#[component]
fn Job(data: Data) -> impl IntoView {
    let job = data.detail.view.clone();
    let stages = data.task.1.clone();
    let refreshes = !job.state.is_terminal() && !notes::is_writing(&data);
    view! {
        <Title text=document_title(&job) />
        {refreshes.then(|| view! { <RefreshWithoutScript /> })}
        <header::Header data=data.clone() />
        <div class="split">
            <div class="stack">
                <DeletedNotice head=text::JOB_WAS_DELETED list=("/jobs", text::VIEW_ALL_JOBS) />
                <div class="part" data-part="notices">
                    <notices::Notices data=data.clone() />
                </div>
                <JobProgress job=job.clone() stages now=data.now />
                <log::Log data=data.clone() />
                <div class="part" data-part="outcome">
                    <log_findings::Warnings job=job.clone() findings=data.findings.clone() />
                    <outcome::Output data=data.clone() />
                    <outcome::Files data=data.clone() />
                    <progress_chart::ProgressChart data=data.clone() />
                    <stages::Stages data=data.clone() />
                    <attempts::Attempts data=data.clone() />
                </div>
                <notes::Notes data=data.clone() />
            </div>
            <div class="stack">
                <details_cards::DetailsCards data />
            </div>
        </div>
    }
}

#[component]
fn Unreadable(job: JobId) -> impl IntoView {
    expect_context::<ResponseOptions>().set_status(http::StatusCode::INTERNAL_SERVER_ERROR);
    view! {
        <Title text=text::CANNOT_BE_SHOWN />
        <header class="page-head">
            <h1>{text::job_cannot_be_shown(&job)}</h1>
            <p class="lead">{text::CANNOT_BE_SHOWN_HINT}</p>
        </header>
    }
}
