//! The form around the summary, as the browser has it: read, marked and sent from here.

use leptos::{html::Div, prelude::*, task::spawn_local};
use model::{FieldError, JobId};
use serde_json::{Map, Value};
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{Element, Event, FormData, HtmlDivElement, HtmlFormElement};

use super::Slot;
use crate::api::{ApiError, start_job};

/// A form that starts a job.
#[derive(Clone)]
struct StartingForm {
    form: HtmlFormElement,
    summary: HtmlDivElement,
    kind: String,
    slots: Vec<Slot>,
    faults: RwSignal<Vec<FieldError>>,
    refusal: RwSignal<Option<String>>,
    /// A start is on its way: no second one until it is answered.
    busy: RwSignal<bool>,
}

/// Takes over the form that `summary` stands in.
pub(super) fn take_over(
    summary: NodeRef<Div>,
    kind: String,
    slots: Vec<Slot>,
    faults: RwSignal<Vec<FieldError>>,
    refusal: RwSignal<Option<String>>,
) {
    summary.on_load(move |summary| {
        let form = summary.closest("form").ok().flatten().and_then(|form| form.dyn_into().ok());
        if let Some(form) = form {
            StartingForm { form, summary, kind, slots, faults, refusal, busy: RwSignal::new(false) }.listen();
        }
    });
}

impl StartingForm {
    /// For as long as the page lives.
    fn listen(self) {
        let this = self.clone();
        Effect::new(move || this.mark());
        let this = self.clone();
        Effect::new(move || this.show_busy());
        // A page that comes back from the browser's cache is not at work any more.
        let busy = self.busy;
        let _ = window_event_listener_untyped("pageshow", move |_| busy.set(false));
        let form = self.form.clone();
        let submit = Closure::<dyn Fn(Event)>::new(move |event: Event| {
            event.prevent_default();
            self.submit();
        });
        let _ = form.add_event_listener_with_callback("submit", submit.as_ref().unchecked_ref());
        submit.forget();
    }

    fn submit(&self) {
        if self.busy.get_untracked() {
            return;
        }
        if let Some(field) = self.field_still_sending() {
            let message = "The file is still on its way. Start the job when it has arrived.".to_owned();
            return self.refuse(ApiError::invalid_input(vec![FieldError { field, message }]));
        }
        self.busy.set(true);
        let this = self.clone();
        spawn_local(async move {
            match start_job(this.kind.clone(), this.input().to_string(), this.rerun_of()).await {
                Ok(job) => drop(location().assign(&format!("/jobs/{job}"))),
                Err(error) => {
                    this.busy.set(false);
                    this.refuse(error);
                }
            }
        });
    }

    /// Says what is wrong, and brings the reader there.
    fn refuse(&self, error: ApiError) {
        self.refusal.set(error.fields.is_empty().then_some(error.message));
        self.faults.set(error.fields);
        let summary = self.summary.clone();
        request_animation_frame(move || drop(summary.focus()));
    }

    /// The input that the fields stand for.
    fn input(&self) -> Value {
        let Ok(data) = FormData::new_with_form(&self.form) else { return Value::Null };
        let read = |slot: &Slot| {
            // The last one counts: a ticked box comes after the "false" that stands for an empty one.
            let text = data.get_all(&slot.name).iter().filter_map(|entry| entry.as_string()).next_back()?;
            Some((slot.name.clone(), slot.entry.read(&text)?))
        };
        Value::Object(self.slots.iter().filter_map(read).collect::<Map<_, _>>())
    }

    fn rerun_of(&self) -> Option<JobId> {
        FormData::new_with_form(&self.form).ok()?.get("$rerun_of").as_string()?.parse().ok()
    }

    /// The field of an upload that has not arrived yet.
    fn field_still_sending(&self) -> Option<String> {
        self.form.query_selector("[data-sending]").ok()??.get_attribute("data-sending")
    }

    /// Writes each fault below its field, and clears the others.
    fn mark(&self) {
        let faults = self.faults.read();
        for slot in &self.slots {
            let fault = faults.iter().find(|fault| fault.field == slot.name);
            if let Some(place) = document().get_element_by_id(&format!("field-{}-error", slot.name)) {
                let _ = place.toggle_attribute_with_force("hidden", fault.is_none());
                if let Ok(Some(text)) = place.query_selector("span") {
                    text.set_text_content(fault.map(|fault| fault.message.as_str()));
                }
            }
            if let Some(control) = document().get_element_by_id(&format!("field-{}", slot.name)) {
                set_flag(&control, "aria-invalid", fault.is_some());
            }
        }
    }

    fn show_busy(&self) {
        if let Ok(Some(button)) = self.form.query_selector("footer button[type=submit]") {
            set_flag(&button, "aria-busy", self.busy.get());
        }
    }
}

/// Sets an ARIA attribute to `true`, or takes it away.
fn set_flag(element: &Element, name: &str, on: bool) {
    let _ = if on { element.set_attribute(name, "true") } else { element.remove_attribute(name) };
}
