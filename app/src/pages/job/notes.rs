//! Notes on a job, and the form to add one.

use engine::messages::MAX_NOTE_LENGTH;
use leptos::prelude::*;
use model::JobId;

use super::{data::Data, text};
use crate::{
    base_path::url,
    components::{Icon, MessageRow},
    context::app,
    pages::shared::{Faults, Refusal, ServerForm},
    server_fns::FormState,
};

const FUNCTION: &str = "add_note";

/// Whether the user is writing a note without script: then the page must not reload.
pub(super) fn is_writing(data: &Data) -> bool {
    data.asked.note || FormState::of(FUNCTION).is_some()
}

/// The list is a fragment and refreshed; the form is not, so that typed text stays. Without notes, the style sheet
/// shows only the button that opens the form.
#[component]
pub(super) fn Notes(data: Data) -> impl IntoView {
    let job = data.detail.view.job;
    let reader = app().engine.attribution().name.to_string();
    let (writes, steers) = (data.may.write, data.may.steer && !data.detail.view.state.is_terminal());
    // Without script a page that reloads has a link in place of the form.
    let moving = !data.detail.view.state.is_terminal() && !is_writing(&data);
    let is_open = is_writing(&data);
    let none = data.notes.is_empty();
    let row = move |message| view! { <MessageRow message reader=reader.clone() /> };
    let readers = url(&format!("/messages?to=job&job={job}"));
    view! {
        <section class="card notes" id="notes" aria-labelledby="notes-head" data-notes=job.to_string()>
            <header data-part="notes-head">
                <h2 id="notes-head">{text::NOTES}</h2>
                {steers.then(|| view! { <a href=readers>{text::MESSAGE_VIEWERS}</a> })}
            </header>
            <div data-part="notes">
                {(!none).then(|| view! { <ol class="messages">{data.notes.into_iter().map(row).collect::<Vec<_>>()}</ol> })}
            </div>
            {writes.then(|| view! { <NoteForm job moving is_open /> })}
        </section>
    }
}

#[component]
fn NoteForm(
    job: JobId,
    /// Whether the page reloads in a browser without script.
    moving: bool,
    is_open: bool,
) -> impl IntoView {
    let form = ServerForm::new(FUNCTION);
    let text = form.entry("text").unwrap_or_default();
    let area = form.field("text", text::NOTE, text::NOTE_HELP).area(MAX_NOTE_LENGTH, text);
    let key = app().engine.now().0.to_string();
    let link = url(&format!("/jobs/{job}?note=write#notes"));
    view! {
        {moving
            .then(|| {
                view! {
                    <noscript>
                        <p class="body below">
                            <a class="button small" href=link>
                                {text::ADD_A_NOTE}
                            </a>
                        </p>
                    </noscript>
                }
            })}
        <details class="body below" class:with-script=moving data-forms="" open=is_open>
            <summary class="button small">
                <Icon name="plus" />
                {text::ADD_A_NOTE}
            </summary>
            <form class="form" method="post" action=url("/api/add_note") data-clears="">
                <Faults form not=text::NOT_ADDED labels=&[("text", text::NOTE)] />
                <input type="hidden" name="id" value=job.0 />
                // A new key for each note, so that a note that is sent twice is stored once.
                <span data-part="note-key" hidden=true>
                    <input type="hidden" name="key" value=key />
                </span>
                {area}
                <div class="actions">
                    <button class="button small" type="submit">
                        <Icon name="plus" />
                        {text::ADD_NOTE}
                    </button>
                </div>
            </form>
        </details>
        <Refusal />
    }
}
