use std::{cell::RefCell, rc::Rc};

use leptos::prelude::*;
use model::{UploadId, bytes};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{Element, File, HtmlInputElement, ProgressEvent, XmlHttpRequest};

use crate::{
    base_path::url,
    browser::{self, RequestError, all, first, hide, set, set_text},
    components::uploaded_file,
};

/// Upload fields: sends the files of fields with `data-upload` when they are chosen, with a progress bar and a cancel
/// button. The field then holds the upload's id.
pub(super) fn start() {
    for field in all(&document(), "[data-upload]") {
        if let Some(sender) = Sender::new(field) {
            Rc::new(sender).listen();
        }
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
    }

    /// Shows why the upload failed, and offers to repeat it if that may help.
    fn fail(&self, message: &str, again: bool) {
        self.rest();
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
