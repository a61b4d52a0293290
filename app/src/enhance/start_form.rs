use std::{cell::Cell, rc::Rc};

use js_sys::{JSON, Object};
use leptos::{prelude::*, task::spawn_local};
use model::FieldError;
use wasm_bindgen::JsCast;
use web_sys::{Element, FormData, HtmlElement, HtmlFormElement, SubmitEvent, UrlSearchParams};

use crate::{
    base_path::url,
    browser::{self, RequestError, all, first, hide, set, set_text},
    components::{field_error_line, not_started},
};

/// Start form: submits the form with `data-starts` without leaving the page, and shows errors in place, with everything
/// typed and uploaded kept.
pub(super) fn start() {
    let form = first(&document(), "[data-starts]").and_then(|form| form.dyn_into().ok());
    let Some(form) = form.and_then(StartingForm::new).map(Rc::new) else { return };
    browser::on_with(&form.form, "submit", &form, |form, event| {
        // The other button leads to the form of a schedule.
        let submitter = event.unchecked_ref::<SubmitEvent>().submitter();
        if submitter.is_none_or(|button| !button.has_attribute("formaction")) {
            event.prevent_default();
            form.submit();
        }
    });
    // A page restored from the browser's cache is not sending.
    browser::on_with(&window(), "pageshow", &form, |form, _| form.work(false));
}

struct StartingForm {
    form: HtmlFormElement,
    kind: String,
    summary: HtmlElement,
    /// A submission is running.
    busy: Cell<bool>,
}

impl StartingForm {
    fn new(form: HtmlFormElement) -> Option<Self> {
        let summary = first(&form, "[data-summary]")?.dyn_into().ok()?;
        Some(Self { kind: form.get_attribute("data-starts")?, form, summary, busy: Cell::new(false) })
    }

    fn submit(self: &Rc<Self>) {
        // The upload fields submit again when their files have arrived.
        if self.busy.get() || first(&self.form, "[data-sending]").is_some() {
            return;
        }
        self.work(true);
        let form = Rc::clone(self);
        spawn_local(async move {
            match form.start().await {
                Ok(job) => browser::navigate(&url(&format!("/jobs/{job}"))),
                Err(refusal) => {
                    form.work(false);
                    form.refuse(&refusal);
                }
            }
        });
    }

    /// Starts the job and returns its number.
    async fn start(&self) -> Result<String, RequestError> {
        // The last of several entries with one name counts: that of a ticked box follows the "false" of the hidden
        // field.
        let entries = Object::from_entries(&FormData::new_with_form(&self.form)?.into())?;
        let arguments = UrlSearchParams::new()?;
        arguments.append("kind", &self.kind);
        arguments.append("entries", &String::from(JSON::stringify(&entries)?));
        browser::post(&url("/api/start_job"), &arguments).await.map(|answer| answer.body)
    }

    fn work(&self, busy: bool) {
        self.busy.set(busy);
        if let Some(button) = first(&self.form, "footer .primary") {
            set(&button, "aria-busy", busy.then_some("true"));
        }
    }

    /// Shows the errors above the form and below each field, and moves the focus there.
    fn refuse(&self, refusal: &RequestError) {
        let faults = &refusal.fields;
        for place in all(&self.form, ".error[data-field]") {
            let field = place.get_attribute("data-field").unwrap_or_default();
            mark(&place, &field, faults.iter().find(|fault| fault.field == field));
        }
        if let Some(head) = first(&self.summary, "h3") {
            set_text(&head, &not_started(faults.len()));
        }
        if let Some(text) = first(&self.summary, "p") {
            set_text(&text, if faults.is_empty() { &refusal.message } else { "" });
        }
        if let Some(list) = first(&self.summary, "ul") {
            list.set_text_content(None);
            for fault in faults {
                self.add(&list, fault);
            }
        }
        hide(&self.summary, false);
        // Fails only for an element that is not in the document.
        let _ = self.summary.focus();
    }

    /// Adds a line to the error summary.
    fn add(&self, list: &Element, fault: &FieldError) {
        let Some(item) = browser::clone_template(&self.summary) else { return };
        let place = first(&self.form, &format!(".error[data-field='{}']", fault.field));
        if let Some(link) = item.first_element_child() {
            let label = place.as_ref().and_then(|place| place.get_attribute("data-label")).unwrap_or_default();
            let href = place.map(|_| format!("#field-{}", fault.field));
            set(&link, "href", href.as_deref());
            set_text(&link, &field_error_line(&label, &fault.message));
        }
        // Fails only if the list is inside its own item.
        let _ = list.append_child(&item);
    }
}

/// Shows or clears the error of a field.
fn mark(place: &Element, field: &str, fault: Option<&FieldError>) {
    hide(place, fault.is_none());
    if let (Some(_), Ok(Some(collapsed))) = (fault, place.closest("details")) {
        set(&collapsed, "open", Some(""));
    }
    if let Some(text) = first(place, "span") {
        set_text(&text, fault.map_or("", |fault| &fault.message));
    }
    if let Some(control) = document().get_element_by_id(&format!("field-{field}")) {
        set(&control, "aria-invalid", fault.map(|_| "true"));
    }
}
