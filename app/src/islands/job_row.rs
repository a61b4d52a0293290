//! A table of jobs whose rows follow their jobs, with actions.

use leptos::prelude::*;
use model::{JobId, JobState, JobView, Micros};

use super::text;
use crate::{
    base_path::url,
    components::{Icon, JobName, JobTableHead, LiveJob, ProgressCell, Reactive, TimeCell, job_href, reactive},
    live,
};

/// What the user may do with the jobs of a table. It decides what is drawn; the server checks each action.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RowRights {
    /// The kinds whose jobs may be cancelled, retried and run again.
    pub kinds: Vec<String>,
    /// Of these, the kinds without checkpoints: a question comes before a cancel, since all work is lost.
    pub asks: Vec<String>,
    /// The user whose jobs may be deleted; `None` for all.
    pub deletes_of: Option<String>,
}

impl RowRights {
    /// Returns what the user may do with a job; `None` for nothing.
    pub fn of(&self, job: &JobView) -> Option<RowActions> {
        self.kinds.contains(&job.kind).then(|| RowActions {
            asks: self.asks.contains(&job.kind),
            deletes: self.deletes_of.as_ref().is_none_or(|own| *own == job.created_by),
        })
    }
}

/// The actions that a row can have.
#[derive(Clone, Copy, Debug)]
pub struct RowActions {
    asks: bool,
    deletes: bool,
}

/// A table of jobs. Hidden without any.
#[component]
pub(super) fn JobTable(
    rows: RwSignal<Vec<JobView>>,
    rights: RowRights,
    /// Jobs that are about to leave the table.
    gone: RwSignal<Vec<JobId>>,
    /// The name of the column with the progress.
    progress: &'static str,
    now: Micros,
) -> impl IntoView {
    let rights = StoredValue::new(rights);
    let key = |job: &JobView| job.job;
    view! {
        <table class="table jobs" hidden=reactive(move || rows.read().is_empty())>
            <JobTableHead progress />
            <tbody>
                <For each=move || rows.get() key=key let:job>
                    <JobRow job rights gone now />
                </For>
            </tbody>
        </table>
    }
}

#[component]
fn JobRow(job: JobView, rights: StoredValue<RowRights>, gone: RwSignal<Vec<JobId>>, now: Micros) -> impl IntoView {
    let id = job.job;
    let actions = rights.with_value(|rights| rights.of(&job));
    let name = job.clone();
    let job = live::job(job, now);
    view! {
        <tr data-gone=reactive(move || gone.read().contains(&id).then(String::new))>
            <th class="what" scope="row">
                <JobName job=name />
            </th>
            <td class="how">
                <ProgressCell job />
            </td>
            <td class="when">
                <TimeCell job />
            </td>
            <td class="do">{actions.map(|actions| view! { <JobActions id job actions /> })}</td>
        </tr>
    }
}

/// The actions that the state allows. Cancel and Delete have the last place, and Retry is the farthest from it: a second
/// click at the place of Cancel must not start the job again.
#[component]
pub fn JobActions(id: JobId, job: LiveJob, actions: RowActions) -> impl IntoView {
    let RowActions { asks, deletes } = actions;
    let unless = |allowed: fn(&JobView) -> bool| job.map(move |job, _| !allowed(job));
    // A job that waits loses nothing.
    let loses_work = move |job: &JobView| asks && job.state == JobState::Running;
    let can_cancel = |asked: bool| job.map(move |job, _| asked != loses_work(job) || !can_cancel(job));
    let action = |name: &str, icon: &'static str, word: &str, hidden: Reactive<bool>| {
        let label = format!("{word} #{id}");
        view! {
            <button
                class="button square quiet small"
                type="submit"
                formaction=url(&format!("/api/{name}"))
                title=label.clone()
                aria-label=label
                hidden=hidden
            >
                <Icon name=icon />
            </button>
        }
    };
    // Opens a dialog; without script, the page of the job, which asks.
    let question = |what: &str, icon: &'static str, word: &str, hidden: Reactive<bool>| {
        let label = format!("{word} #{id}");
        view! {
            <a
                class="button square quiet small"
                href=job_href(id) + "?confirm=" + what
                data-opens="confirm-".to_owned() + what
                data-job=id.0
                title=label.clone()
                aria-label=label
                hidden=hidden
            >
                <Icon name=icon />
            </a>
        }
    };
    let went_wrong = |job: &JobView| can_repeat(job) && job.state != JobState::Succeeded;
    view! {
        <form method="post">
            <input type="hidden" name="id" value=id.0 />
            <input type="hidden" name="stay" value="true" />
            {action("retry_job", "retry", text::RETRY, unless(went_wrong))}
            {action("rerun_job", "plus", text::RUN_AGAIN, unless(can_repeat))}
            {action("cancel_job", "stop", text::CANCEL, can_cancel(false))}
            {question("cancel", "stop", text::CANCEL, can_cancel(true))}
            {deletes.then(|| question("delete", "trash", text::DELETE, unless(is_over)))}
        </form>
    }
}

const fn can_cancel(job: &JobView) -> bool {
    !is_over(job) && job.cancel_requested_at.is_none()
}

/// A job that is reported from elsewhere is started there.
const fn can_repeat(job: &JobView) -> bool {
    is_over(job) && job.reported_from.is_none()
}

const fn is_over(job: &JobView) -> bool {
    job.state.is_terminal()
}
