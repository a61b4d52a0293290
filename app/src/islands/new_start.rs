//! Starting a job without leaving the form.

mod form;

use leptos::{either::Either, prelude::*};
use model::{Entry, FieldError};
use serde::{Deserialize, Serialize};

use crate::ui::Icon;

/// What the browser needs to know of a field: where it is and how its text becomes JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Slot {
    /// Key in the input object, and the control's name.
    pub name: String,
    /// What people call it.
    pub label: String,
    /// How its text is read.
    pub entry: Entry,
}

/// The summary of what is wrong, at the top of the form. In the browser it also takes over the form it stands in:
/// the job starts by `start_job`, and what is refused is said in place, with everything typed and uploaded kept.
#[island]
pub fn StartForm(kind: String, slots: Vec<Slot>, faults: Vec<FieldError>, refusal: Option<String>) -> impl IntoView {
    // A page that comes back with faults begins there, also without script.
    let come_back = !faults.is_empty() || refusal.is_some();
    let faults = RwSignal::new(faults);
    let refusal = RwSignal::new(refusal);
    let summary = NodeRef::<leptos::html::Div>::new();
    let shown = move || !faults.read().is_empty() || refusal.read().is_some();
    form::take_over(summary, kind, slots.clone(), faults, refusal);
    let items = move || faults.get().into_iter().map(|fault| item(&slots, fault)).collect::<Vec<_>>();
    let heading = move || match faults.read().len() {
        0 => "Not started".to_owned(),
        1 => "Not started: one field needs a change".to_owned(),
        several => format!("Not started: {several} fields need a change"),
    };
    view! {
        <div class="notice bad" role="alert" tabindex="-1" autofocus=come_back hidden=move || !shown() node_ref=summary>
            <Icon name="warning" />
            <div>
                <h3>{heading}</h3>
                <p>{move || refusal.get()}</p>
                <ul>{items}</ul>
            </div>
        </div>
    }
}

/// One fault: a link to its field, which says what is wrong.
fn item(slots: &[Slot], fault: FieldError) -> impl IntoView + use<> {
    let FieldError { field, message } = fault;
    match slots.iter().find(|slot| slot.name == field) {
        Some(slot) => {
            let names_itself = message.starts_with(&slot.label);
            let text = if names_itself { message } else { format!("{}: {message}", slot.label) };
            Either::Left(view! { <li><a href=format!("#field-{field}")>{text}</a></li> })
        }
        None => Either::Right(view! { <li>{message}</li> }),
    }
}
