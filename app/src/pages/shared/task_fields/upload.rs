//! Upload field of a task's form.

use leptos::prelude::*;

use super::Control;
use crate::pages::shared::text;
use crate::{
    components::{Icon, uploaded_file},
    forms::Uploaded,
};

/// Without script the file is submitted with the form. [`crate::enhance::UploadFields`] uploads it when it is chosen;
/// the field then holds the upload's id.
#[component]
pub(super) fn UploadField(
    control: Control,
    /// The file that was already uploaded.
    here: Option<Uploaded>,
    /// The largest accepted file, bytes.
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

#[component]
fn Here(name: String, file: Option<Uploaded>) -> impl IntoView {
    let text = file.as_ref().map(|file| uploaded_file(&file.name, file.size));
    let none = file.is_none();
    view! {
        <div class="upload" role="status" data-upload-is="here" hidden=none>
            <Icon name="check" />
            <span>{text}</span>
            <input type="hidden" name=name disabled=none value=file.map(|file| file.upload) />
            <button class="button small quiet" type="button" hidden=true>
                {text::REMOVE}
            </button>
        </div>
    }
}

#[component]
fn Sending() -> impl IntoView {
    view! {
        <div class="upload" data-upload-is="sending" hidden=true>
            <div class="milebar slim" data-state="running">
                <progress value="0" aria-label=text::UPLOADING></progress>
            </div>
            <span></span>
            <button class="button small quiet" type="button">
                {text::CANCEL}
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
                {text::UPLOAD_AGAIN}
            </button>
        </div>
    }
}
