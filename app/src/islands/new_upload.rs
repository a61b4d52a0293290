//! Sending a file before the job starts.

mod send;

use leptos::{html::Input, prelude::*};
use send::Sender;

use crate::{api::Uploaded, ui::Icon};

/// A file on its way.
#[derive(Clone, Debug, Default, PartialEq)]
struct Sending {
    name: String,
    sent: u64,
    total: u64,
}

/// Why a file is not here.
#[derive(Clone, Debug, PartialEq)]
struct Failure {
    message: String,
    /// Whether sending the same file again may help.
    again: bool,
}

/// A file input. In the browser the file is sent as soon as it is chosen, with a bar and a way to stop it; the field
/// then holds the upload's id. Without script the file goes with the form.
#[island]
pub fn UploadField(
    name: String,
    here: Option<Uploaded>,
    /// The largest file that is accepted, bytes.
    limit: u64,
    required: bool,
    invalid: bool,
    described_by: String,
) -> impl IntoView {
    let input = NodeRef::<Input>::new();
    let sender = Sender::new(input, limit, here);
    let (field, hidden) = (name.clone(), name.clone());
    view! {
        <div class="upload-field" data-sending=move || sender.sending.read().is_some().then(|| field.clone())>
            <input
                class="input"
                type="file"
                id=format!("field-{name}")
                name=name
                aria-describedby=described_by
                aria-invalid=invalid.then_some("true")
                aria-required=required.then_some("true")
                on:change=move |_| sender.start()
                node_ref=input
            />
            {move || sender.here.get().map(|file| here_already(&hidden, file, sender))}
            {move || sender.sending.read().is_some().then(|| on_its_way(sender))}
            {move || sender.failure.get().map(|failure| not_here(failure, sender))}
        </div>
    }
}

/// The file that the field stands for.
fn here_already(field: &str, file: Uploaded, sender: Sender) -> impl IntoView + use<> {
    let awake = RwSignal::new(false);
    Effect::new(move || awake.set(true));
    view! {
        <div class="upload" role="status">
            <Icon name="check" />
            <span>{format!("{}, {}, already here", file.name, model::bytes(file.size))}</span>
            <input type="hidden" name=field.to_owned() value=file.upload />
            <button class="button small quiet" type="button" hidden=move || !awake.get() on:click=move |_| sender.remove()>
                "Remove"
            </button>
        </div>
    }
}

fn on_its_way(sender: Sender) -> impl IntoView {
    let sending = move || sender.sending.get().unwrap_or_default();
    view! {
        <div class="upload">
            <div class="milebar slim" data-state="running">
                <progress
                    value=move || sending().sent.to_string()
                    max=move || sending().total.max(1).to_string()
                    aria-label="Sending the file"
                ></progress>
            </div>
            <span>{move || sending().in_words()}</span>
            <button class="button small quiet" type="button" on:click=move |_| sender.stop()>
                "Cancel"
            </button>
        </div>
    }
}

fn not_here(failure: Failure, sender: Sender) -> impl IntoView {
    let again = failure.again.then(|| {
        view! {
            <button class="button small" type="button" on:click=move |_| sender.start()>
                "Send again"
            </button>
        }
    });
    view! {
        <div class="upload bad" role="alert">
            <Icon name="warning" />
            <span>{failure.message}</span>
            {again}
        </div>
    }
}

impl Sending {
    fn in_words(&self) -> String {
        format!("{}, {} of {}", self.name, model::bytes(self.sent), model::bytes(self.total))
    }
}
