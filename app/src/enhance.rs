//! Enhancements: forms, log paging, uploads and fragments of HTML that the server drew. Each works without script, and
//! here it works without leaving the page.
//!
//! They draw nothing. They find their elements by `data-` attributes, and write into them. The browser fetches them as a
//! file of their own, so that the pages without them are lighter.

mod copy_buttons;
pub(crate) mod fragments;
mod in_place_forms;
mod job_log;
mod path_picker;
mod pinned_jobs;
mod questions;
mod start_form;
mod upload_fields;

use leptos::{prelude::*, reactive::spawn_local_scoped, wasm_split::wasm_split};
use model::JobView;

/// One part of the file.
#[derive(Clone)]
enum Enhancement {
    CopyButtons,
    PathPickers,
    InPlaceForms,
    JobLog,
    /// The jobs, and whether the page updates its title itself.
    PinnedJobs(Vec<JobView>, bool),
    StartForm,
    UploadFields,
}

/// Starts an enhancement, once its code is here.
#[wasm_split(enhance, wasm_split_path = ::leptos::wasm_split)]
fn start(enhancement: Enhancement) {
    match enhancement {
        Enhancement::CopyButtons => copy_buttons::start(),
        Enhancement::PathPickers => path_picker::start(),
        Enhancement::InPlaceForms => {
            in_place_forms::start();
            questions::start();
        }
        Enhancement::JobLog => job_log::start(),
        Enhancement::PinnedJobs(jobs, titled) => pinned_jobs::follow(jobs, titled),
        Enhancement::StartForm => start_form::start(),
        Enhancement::UploadFields => upload_fields::start(),
    }
}

fn enhance(enhancement: Enhancement) {
    Effect::new(move || spawn_local_scoped(start(enhancement.clone())));
}

/// Shows pinned jobs in the title and icon of the tab, and in notifications. `titled`: the page updates its title itself.
pub(crate) fn follow_pinned(jobs: Vec<JobView>, titled: bool) {
    enhance(Enhancement::PinnedJobs(jobs, titled));
}

/// Copy buttons: each button with `data-copies` copies the text of the element that it names.
#[island]
pub fn CopyButtons() -> impl IntoView {
    enhance(Enhancement::CopyButtons);
}

/// Path pickers: open the listings in `.folder-field` in place.
#[island]
pub fn PathPickers() -> impl IntoView {
    enhance(Enhancement::PathPickers);
}

/// In-place forms: submit the forms in `[data-forms]` in place, and open the dialogs of questions.
#[island]
pub fn InPlaceForms() -> impl IntoView {
    enhance(Enhancement::InPlaceForms);
}

/// Follows the log in the card with `data-log`; filters it and pages through it in place.
#[island]
pub fn JobLog() -> impl IntoView {
    enhance(Enhancement::JobLog);
}

/// Submits the form with `data-starts` in place.
#[island]
pub fn StartForm() -> impl IntoView {
    enhance(Enhancement::StartForm);
}

/// Sends the files of fields with `data-upload` when they are chosen.
#[island]
pub fn UploadFields() -> impl IntoView {
    enhance(Enhancement::UploadFields);
}
