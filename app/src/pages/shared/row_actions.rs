//! Actions in the rows of job tables: who may take them, and the questions before them.

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
    let asks = |kind: &&String| engine.task(kind).is_none_or(|task| !task.checkpoints);
    let asks = kinds.iter().filter(asks).cloned().collect();
    let own = engine.actor().principal().filter(|user| user.role < Role::Administrator);
    RowRights { asks, kinds, deletes_of: own.map(|user| user.name.to_string()) }
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
            {acts.then(|| question("cancel", text::CANCEL_JOB, text::CANCEL_CONSEQUENCES, text::KEEP_JOB))}
            {acts.then(|| question("delete", text::DELETE_JOB, text::DELETE_CONSEQUENCES, text::CANCEL))}
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

/// A question about the job of a row; script fills in its number. Without script, the link leads to the page of the
/// job, which asks.
fn question(what: &'static str, word: &'static str, consequences: &'static str, keep: &'static str) -> impl IntoView {
    let id = format!("confirm-{what}");
    let heading = format!("{id}-title");
    let (labelled_by, closes) = (heading.clone(), id.clone());
    let deletes = what == "delete";
    view! {
        <dialog class="dialog" id=id aria-labelledby=labelled_by>
            <div>
                <h2 id=heading>{word} " " <span data-fills=""></span> "?"</h2>
                <p>{consequences}</p>
            </div>
            <footer>
                <button class="button" type="button" data-closes=closes>
                    {keep}
                </button>
                <form
                    method="post"
                    action=url(&format!("/api/{what}_job"))
                    data-toast=deletes.then_some(text::JOB_WAS_DELETED)
                >
                    <input type="hidden" name="id" />
                    {deletes.then(|| view! { <input type="hidden" name="stay" value="true" /> })}
                    <button class="button danger primary" type="submit">
                        <Icon name=if deletes { "trash" } else { "stop" } />
                        {word}
                    </button>
                </form>
            </footer>
        </dialog>
    }
}
