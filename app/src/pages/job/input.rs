//! Input of a job: the fields of the task's form with their values, and all of it as JSON.

use std::collections::BTreeMap;

use engine::{AuthorizedEngine, TaskInfo};
use leptos::prelude::*;
use model::{Field, FieldKind, JobView};
use serde_json::Value;

use super::{data::Data, outcome::shorten, text};
use crate::{
    base_path::url,
    components::Icon,
    enhance::CopyButtons,
    forms::Draft,
    pages::shared::{Json, JsonText},
};

/// The input of a job, as far as it is shown.
#[derive(Clone)]
pub(super) struct Input {
    /// Label and value of each field that has one, in the order of the form.
    fields: Vec<(String, String)>,
    json: JsonText,
}

impl Input {
    /// Reads the fields by the form of the task; without a task there is only JSON. `uploads` are the names of the uploaded
    /// files by id.
    pub(super) async fn of(
        engine: &AuthorizedEngine,
        task: Option<&TaskInfo>,
        input: &Value,
        uploads: &BTreeMap<String, String>,
    ) -> Self {
        let mut fields = Vec::new();
        if let Some(task) = task {
            let draft = Draft::from_input(engine, task, input).await;
            let shown = |field: &Field| Some((field.label.clone(), value_of(field, &draft, input, uploads)?));
            fields = task.form.fields.iter().filter_map(shown).collect();
        }
        Self { fields, json: JsonText::of(input) }
    }
}

/// The value as the form shows it; `None` for an empty field.
fn value_of(field: &Field, draft: &Draft, input: &Value, uploads: &BTreeMap<String, String>) -> Option<String> {
    let entry = match field.kind {
        // The draft has only files that are not deleted.
        FieldKind::Upload => {
            let id = input.get(&field.name).and_then(Value::as_str).unwrap_or_default();
            uploads.get(id).map_or(id, String::as_str)
        }
        _ => draft.entry(&field.name),
    };
    let value = match &field.kind {
        FieldKind::Boolean => if entry == "true" { text::YES } else { text::NO }.to_owned(),
        FieldKind::Choice { choices } => {
            choices.iter().find(|choice| choice.value == entry).map_or(entry, |choice| &choice.label).to_owned()
        }
        FieldKind::Text { .. }
        | FieldKind::Integer { .. }
        | FieldKind::Number { .. }
        | FieldKind::Path { .. }
        | FieldKind::Upload => shorten(entry.trim()),
    };
    (!value.is_empty()).then_some(value)
}

#[component]
pub(super) fn InputCard(data: Data) -> impl IntoView {
    let Input { fields, json } = data.input;
    let job = data.detail.view;
    let whole = url(&format!("/jobs/{}/input", job.job));
    let copy = (!json.is_cut()).then(copy_input);
    let only_json = fields.is_empty();
    let row = |(label, value)| {
        view! {
            <div>
                <dt>{label}</dt>
                <dd>{value}</dd>
            </div>
        }
    };
    view! {
        <section class="card" aria-labelledby="input">
            <header>
                <h2 id="input">{text::INPUT}</h2>
                <div class="actions">
                    {copy} {data.may.start.then(|| view! { <RunWithChanges job /> })}
                </div>
            </header>
            <div class="body stack-tight">
                {(!only_json).then(|| view! { <dl class="details input-values">{fields.into_iter().map(row).collect::<Vec<_>>()}</dl> })}
                <details class="disclosure" open=only_json>
                    <summary>
                        <Icon name="right" />
                        {text::AS_JSON}
                    </summary>
                    <Json text=json label=text::INPUT_AS_JSON id="input-json" whole=Some(whole) />
                </details>
            </div>
        </section>
    }
}

/// Shown if the whole input is on the page.
fn copy_input() -> impl IntoView {
    view! {
        <button
            class="button square quiet small"
            type="button"
            aria-label=text::COPY_INPUT_AS_JSON
            title=text::COPY_INPUT_AS_JSON
            data-copies="input-json"
            hidden=true
        >
            <Icon name="copy" />
        </button>
        <span class="visually-hidden" role="status"></span>
        <CopyButtons />
    }
}

#[component]
fn RunWithChanges(job: JobView) -> impl IntoView {
    view! {
        <a class="button quiet small" href=url(&format!("/new/{}?from={}", job.kind, job.job))>
            <Icon name="edit" />
            {text::EDIT_AND_RUN}
        </a>
    }
}
