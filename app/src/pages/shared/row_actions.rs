//! Actions in the rows of job tables: who may take them, and the confirmation of a deletion.

use engine::access::Action;
use leptos::prelude::*;
use model::{JobView, Role};

use super::text;
use crate::{base_path::url, components::Icon, context::app, enhance::InPlaceForms, islands::RowRights};

/// Returns what the user may do with `jobs`, and with those that are added while the page is open.
pub(in crate::pages) fn row_rights(jobs: &[JobView]) -> RowRights {
    let engine = app().engine;
    let known = engine.catalogue().iter().map(|task| task.kind.as_str());
    let mut kinds: Vec<String> = known.chain(jobs.iter().map(|job| job.kind.as_str())).map(str::to_owned).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds.retain(|kind| engine.can_start(kind));
    let own = engine.actor().principal().filter(|user| user.role < Role::Administrator);
    RowRights { kinds, deletes_of: own.map(|user| user.name.to_string()) }
}

/// A page with tables of jobs: their forms are sent in place, and an error is shown at the end of the window.
#[component]
pub(in crate::pages) fn WithRowActions(
    /// Whether the page has forms now. Otherwise the browser does not fetch their script, and the forms of rows that are
    /// added later are submitted as without script.
    in_place: bool,
    children: Children,
) -> impl IntoView {
    let acts = app().engine.can(Action::Control);
    view! {
        <div class="stack" data-forms="">
            {children()}
            {acts.then(confirm_delete)}
        </div>
        <Refusal />
        {in_place.then(|| view! { <InPlaceForms /> })}
    }
}

/// The error of a form that was sent in place.
#[component]
pub(in crate::pages) fn Refusal() -> impl IntoView {
    view! {
        <div class="notice bad refusal" role="alert" hidden=true>
            <p></p>
            <button class="button square quiet small" type="button" aria-label=text::CLOSE title=text::CLOSE>
                <Icon name="close" />
            </button>
        </div>
    }
}

/// The question before a job of a row is deleted; script fills in its number. Without script, the link leads to the page
/// of the job, which asks.
fn confirm_delete() -> impl IntoView {
    view! {
        <dialog class="dialog" id="confirm-delete" aria-labelledby="delete-question">
            <div>
                <h2 id="delete-question">
                    {text::DELETE_JOB_NUMBER} " " <span data-fills=""></span> "?"
                </h2>
                <p>{text::DELETE_CONSEQUENCES}</p>
            </div>
            <footer>
                <button class="button" type="button" data-closes="confirm-delete">
                    {text::CANCEL}
                </button>
                <form method="post" action=url("/api/delete_job") data-toast=text::JOB_WAS_DELETED>
                    <input type="hidden" name="id" />
                    <input type="hidden" name="stay" value="true" />
                    <button class="button danger primary" type="submit">
                        <Icon name="trash" />
                        {text::DELETE_JOB}
                    </button>
                </form>
            </footer>
        </dialog>
    }
}
