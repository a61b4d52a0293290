//! What is wrong with the form as a whole, at its top.

use leptos::prelude::*;
use model::{Field, FieldError};

use crate::{
    components::{Icon, fault_line, not_started},
    forms::Draft,
};

/// The summary, hidden while nothing is wrong. A page that comes back with faults begins here, also without script.
#[component]
pub(in crate::pages) fn ErrorSummary(
    /// The fields of the form.
    known: Vec<Field>,
    draft: Draft,
    /// What was not done, where that is not to start a job.
    #[prop(optional)]
    not: Option<&'static str>,
) -> impl IntoView {
    let (faults, refusal) = (draft.faults, draft.refusal);
    let shown = !faults.is_empty() || refusal.is_some();
    let item = |fault: FieldError| {
        let label = known.iter().find(|field| field.name == fault.field).map(|field| field.label.clone());
        let href = label.as_ref().map(|_| format!("#field-{}", fault.field));
        view! { <Item href text=fault_line(&label.unwrap_or_default(), &fault.message) /> }
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

/// One fault, with a link to its field if it has one.
#[component]
fn Item(#[prop(optional_no_strip)] href: Option<String>, text: String) -> impl IntoView {
    view! {
        <li>
            <a href=href>{text}</a>
        </li>
    }
}
