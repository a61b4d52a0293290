//! Error summary at the top of a task's form.

use leptos::prelude::*;
use model::{Field, FieldError};

use crate::{
    components::{Icon, field_error_line, not_started},
    forms::Draft,
};

/// Hidden without errors. A page that comes back with errors focuses it, also without script.
#[component]
pub(in crate::pages) fn ErrorSummary(
    /// The fields of the form, in their order on the page.
    known: Vec<Field>,
    draft: Draft,
    /// The heading; by default that no job was started.
    #[prop(optional)]
    not: Option<&'static str>,
) -> impl IntoView {
    let (mut faults, refusal) = (draft.faults, draft.refusal);
    // Those of no field first.
    faults.sort_by_key(|fault| known.iter().position(|field| field.name == fault.field));
    let shown = !faults.is_empty() || refusal.is_some();
    let item = |fault: FieldError| {
        let label = known.iter().find(|field| field.name == fault.field).map(|field| field.label.clone());
        let href = label.as_ref().map(|_| format!("#field-{}", fault.field));
        view! { <Item href text=field_error_line(&label.unwrap_or_default(), &fault.message) /> }
    };
    view! {
        <div class="notice bad" role="alert" tabindex="-1" autofocus=shown hidden=!shown data-summary="">
            <Icon name="warning" />
            <div>
                <h3>{not.map_or_else(|| not_started(faults.len()), str::to_owned)}</h3>
                <p>{refusal}</p>
                <ul>{faults.into_iter().map(item).collect::<Vec<_>>()}</ul>
                <template>
                    <Item text=String::new() />
                </template>
            </div>
        </div>
    }
}

/// One error, with a link to its field.
#[component]
fn Item(#[prop(optional_no_strip)] href: Option<String>, text: String) -> impl IntoView {
    view! {
        <li>
            <a href=href>{text}</a>
        </li>
    }
}
