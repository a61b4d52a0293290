use std::{cell::RefCell, rc::Rc};

use leptos::prelude::*;
use model::{UploadId, bytes};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{
    Element, Event, File, HtmlElement, HtmlFormElement, HtmlInputElement, ProgressEvent, SubmitEvent, XmlHttpRequest,
};

use crate::{
    base_path::url,
    browser::{self, RequestError, all, first, hide, set, set_text},
    components::uploaded_file,
};

/// Upload fields: sends the files of fields with `data-upload` when they are chosen, with a progress bar and a cancel
/// button. The field then holds the upload's id. A form that is submitted before waits for it.
pub(super) fn start() {
    for form in all(&document(), "form") {
        browser::on(&form.clone(), "submit", move |event| keep_back(&form, &event));
    }
    for field in all(&document(), "[data-upload]") {
        if let Some(sender) = Sender::new(field) {
            Rc::new(sender).listen();
        }
    }
}

/// Keeps a form back while it uploads. The button that was pressed says so, and is pressed again when all has arrived.
fn keep_back(form: &Element, event: &Event) {
    if first(form, "[data-sending]").is_none() {
        return;
    }
    event.prevent_default();
    give_back(form);
    let pressed = event.unchecked_ref::<SubmitEvent>().submitter().map(Element::from);
    // Enter in a field presses a hidden button.
    let button = pressed.filter(|button| !button.has_attribute("hidden")).or_else(|| first(form, ".primary"));
    if let Some(button) = button {
        turn(&button, Some("true"));
    }
}

/// Returns the button that waits for the uploads of a form, as it was before.
fn give_back(form: &Element) -> Option<HtmlElement> {
    let button = first(form, "[data-waiting]")?;
    turn(&button, None);
    button.dyn_into().ok()
}

/// Swaps the label of a button with the one for the time in which it waits.
fn turn(button: &Element, busy: Option<&str>) {
    set(button, "aria-busy", busy);
    set(button, "data-waiting", busy);
    if let (Some(label), Some(other)) = (first(button, "span"), button.get_attribute("data-waits")) {
        set(button, "data-waits", label.text_content().as_deref());
        set_text(&label, &other);
    }
}

/// Uploads the file of one field.
struct Sender {
    field: Element,
    input: HtmlInputElement,
    /// The id of the upload. Disabled, and so not submitted, while there is none.
    held: HtmlInputElement,
    here: Element,
    sending: Element,
    lost: Element,
    /// The largest accepted file, bytes.
    limit: u64,
    request: RefCell<Option<XmlHttpRequest>>,
    form: HtmlFormElement,
}

impl Sender {
    fn new(field: Element) -> Option<Self> {
        let part = |name: &str| first(&field, &format!("[data-upload-is={name}]"));
        let here = part("here")?;
        Some(Self {
            input: first(&field, "[type=file]")?.dyn_into().ok()?,
            held: first(&here, "input")?.dyn_into().ok()?,
            here,
            sending: part("sending")?,
            lost: part("lost")?,
            limit: field.get_attribute("data-limit")?.parse().ok()?,
            request: RefCell::default(),
            form: field.closest("form").ok()??.dyn_into().ok()?,
            field,
        })
    }

    fn listen(self: &Rc<Self>) {
        // From now on the form submits the upload's id instead of the file.
        set(&self.input, "name", None);
        browser::on_with(&self.input, "change", self, |sender, _| sender.start());
        self.on_button(&self.here, |sender| sender.remove());
        self.on_button(&self.sending, |sender| sender.stop());
        self.on_button(&self.lost, Self::start);
        // A file may have been chosen before this program was here.
        if self.input.files().is_some_and(|files| files.length() > 0) {
            self.start();
        }
    }

    fn on_button(self: &Rc<Self>, part: &Element, act: fn(&Rc<Self>)) {
        if let Some(button) = first(part, "button") {
            hide(&button, false);
            browser::on_with(&button, "click", self, move |sender, _| act(sender));
        }
    }

    /// Uploads the chosen file from the start and cancels a running upload. A previous upload stays until the new one
    /// is complete.
    fn start(self: &Rc<Self>) {
        self.stop();
        let Some(file) = self.input.files().and_then(|files| files.get(0)) else { return };
        if file.size() as u64 > self.limit {
            let (size, limit) = (bytes(file.size() as u64), bytes(self.limit));
            let name = file.name();
            return self.fail(&format!("{name} is {size}. The limit is {limit}."), false);
        }
        self.show_sent(&file, 0);
        set(&self.field, "data-sending", Some(""));
        hide(&self.sending, false);
        match self.send(&file) {
            Ok(request) => drop(self.request.replace(Some(request))),
            Err(_) => self.fail("The browser could not read the file. Choose it again.", true),
        }
    }

    /// Cancels the upload. The server keeps nothing of it.
    fn stop(&self) {
        self.rest();
        give_back(&self.form);
        hide(&self.lost, true);
        if let Some(request) = self.request.take() {
            // Fails only for a request that has ended.
            let _ = request.abort();
        }
    }

    /// Removes the file from the form.
    fn remove(&self) {
        hide(&self.here, true);
        self.held.set_disabled(true);
        self.input.set_value("");
        // Fails only for an element that is not in the document.
        let _ = self.input.focus();
    }

    fn send(self: &Rc<Self>, file: &File) -> Result<XmlHttpRequest, JsValue> {
        // `fetch` cannot report the progress of a body.
        let request = XmlHttpRequest::new()?;
        let name = String::from(js_sys::encode_uri_component(&file.name()));
        request.open("POST", &url(&format!("/uploads?name={name}")))?;
        let (sender, sent) = (Rc::clone(self), file.clone());
        let progress = Closure::<dyn Fn(ProgressEvent)>::new(move |event: ProgressEvent| {
            sender.show_sent(&sent, event.loaded() as u64);
        });
        request.upload()?.set_onprogress(Some(progress.into_js_value().unchecked_ref()));
        let answered = request.clone();
        browser::on_with(&request, "load", self, move |sender, _| sender.finish(&answered));
        let message = format!("The connection was lost before {} was uploaded.", file.name());
        browser::on_with(&request, "error", self, move |sender, _| sender.fail(&message, true));
        request.send_with_opt_blob(Some(file))?;
        Ok(request)
    }

    fn show_sent(&self, file: &File, sent: u64) {
        let total = file.size() as u64;
        if let Some(bar) = first(&self.sending, "progress") {
            set(&bar, "max", Some(&total.max(1).to_string()));
            set(&bar, "value", Some(&sent.to_string()));
        }
        if let Some(text) = first(&self.sending, "span") {
            set_text(&text, &format!("{}, {} of {}", file.name(), bytes(sent), bytes(total)));
        }
    }

    fn finish(&self, request: &XmlHttpRequest) {
        let answer = request.response_text().ok().flatten().unwrap_or_default();
        let Ok(stored) = leptos::serde_json::from_str::<StoredUpload>(&answer) else {
            return self.fail(&RequestError::read(&answer).message, true);
        };
        self.rest();
        self.held.set_value(&stored.upload.0);
        self.held.set_disabled(false);
        if let Some(text) = first(&self.here, "span") {
            set_text(&text, &uploaded_file(&stored.name, stored.size));
        }
        hide(&self.here, false);
        if first(&self.form, "[data-sending]").is_none()
            && let Some(button) = give_back(&self.form)
        {
            // Fails only for a button of another form.
            let _ = self.form.request_submit_with_submitter(Some(&button));
        }
    }

    /// Shows why the upload failed, and offers to repeat it if that may help.
    fn fail(&self, message: &str, again: bool) {
        self.rest();
        give_back(&self.form);
        if let Some(text) = first(&self.lost, "span") {
            set_text(&text, message);
        }
        if let Some(button) = first(&self.lost, "button") {
            hide(&button, !again);
        }
        hide(&self.lost, false);
    }

    fn rest(&self) {
        set(&self.field, "data-sending", None);
        hide(&self.sending, true);
    }
}

/// The response to an upload.
#[derive(serde::Deserialize)]
struct StoredUpload {
    upload: UploadId,
    name: String,
    size: u64,
}
