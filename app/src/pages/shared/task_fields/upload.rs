//! Sending a file before the job starts.

use leptos::prelude::*;

use super::Control;
use crate::{
    components::{Icon, file_here},
    forms::Uploaded,
};

/// A file input. Without script the file goes with the form. [`crate::islands::UploadFields`] sends it as soon as it
/// is chosen, with a bar and a way to stop it; the field then holds the upload's id.
#[component]
pub(super) fn UploadField(
    control: Control,
    /// The file that has arrived already.
    here: Option<Uploaded>,
    /// The largest file that is accepted, bytes.
    limit: u64,
) -> impl IntoView {
    view! {
        <div class="upload-field" data-upload=control.name.clone() data-limit=limit>
            <input
                class="input"
                type="file"
                id=control.id.clone()
                name=control.name.clone()
                aria-describedby=control.described_by.clone()
                aria-invalid=control.invalid()
                aria-required=control.must()
            />
            <Here name=control.name.clone() file=here />
            <Sending />
            <NotHere />
        </div>
    }
}

/// The file that the field stands for.
#[component]
fn Here(name: String, file: Option<Uploaded>) -> impl IntoView {
    let text = file.as_ref().map(|file| file_here(&file.name, file.size));
    let none = file.is_none();
    view! {
        <div class="upload" role="status" data-upload-is="here" hidden=none>
            <Icon name="check" />
            <span>{text}</span>
            <input type="hidden" name=name disabled=none value=file.map(|file| file.upload) />
            <button class="button small quiet" type="button" hidden=true>
                "Remove"
            </button>
        </div>
    }
}

#[component]
fn Sending() -> impl IntoView {
    view! {
        <div class="upload" data-upload-is="sending" hidden=true>
            <div class="milebar slim" data-state="running">
                <progress value="0" aria-label="Uploading"></progress>
            </div>
            <span></span>
            <button class="button small quiet" type="button">
                "Cancel"
            </button>
        </div>
    }
}

#[component]
fn NotHere() -> impl IntoView {
    view! {
        <div class="upload bad" role="alert" data-upload-is="lost" hidden=true>
            <Icon name="warning" />
            <span></span>
            <button class="button small" type="button">
                "Upload again"
            </button>
        </div>
    }
}
