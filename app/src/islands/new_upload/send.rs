//! The way of a file to the server. `fetch` cannot say how far a body is, so this is an `XMLHttpRequest`.

use leptos::{html::Input, prelude::*, reactive::send_wrapper_ext::SendOption};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{File, ProgressEvent, XmlHttpRequest};

use super::{Failure, Sending};
use crate::api::{ApiError, Uploaded};

/// Sends what is chosen in a file input, one file at a time.
#[derive(Clone, Copy)]
pub(super) struct Sender {
    /// The file that has arrived.
    pub(super) here: RwSignal<Option<Uploaded>>,
    /// The one on its way.
    pub(super) sending: RwSignal<Option<Sending>>,
    /// Why the last one did not arrive.
    pub(super) failure: RwSignal<Option<Failure>>,
    input: NodeRef<Input>,
    limit: u64,
    /// Empty on the server, where it may be dropped by another thread than the one that made it.
    request: StoredValue<SendOption<XmlHttpRequest>>,
}

impl Sender {
    /// For the files of `input`, of at most `limit` bytes; `here` is one that arrived before.
    pub(super) fn new(input: NodeRef<Input>, limit: u64, here: Option<Uploaded>) -> Self {
        Self {
            here: RwSignal::new(here),
            sending: RwSignal::new(None),
            failure: RwSignal::new(None),
            input,
            limit,
            request: StoredValue::new(SendOption::new_local(None)),
        }
    }

    /// Sends the chosen file, from its beginning. What is on its way is given up; what is here stays until the new
    /// file has arrived.
    pub(super) fn start(self) {
        self.stop();
        let Some(file) = self.input.get_untracked().and_then(|input| input.files()?.get(0)) else { return };
        let (name, total) = (file.name(), file.size() as u64);
        if total > self.limit {
            let (size, limit) = (model::bytes(total), model::bytes(self.limit));
            let message = format!("{name} has {size}; a file may have {limit} at most. Choose a smaller one.");
            return self.failure.set(Some(Failure { message, again: false }));
        }
        self.sending.set(Some(Sending { name, sent: 0, total }));
        match self.send(&file) {
            Ok(request) => self.request.update_value(|held| **held = Some(request)),
            Err(_) => self.fail("The browser could not read the file. Choose it again."),
        }
    }

    /// Gives up what is on its way. The server keeps nothing of it.
    pub(super) fn stop(self) {
        self.failure.set(None);
        self.sending.set(None);
        if let Some(request) = self.request.try_update_value(|held| Option::take(held)).flatten() {
            let _ = request.abort();
        }
    }

    /// Takes the file out of the form.
    pub(super) fn remove(self) {
        self.here.set(None);
        if let Some(input) = self.input.get_untracked() {
            input.set_value("");
            let _ = input.focus();
        }
    }

    fn send(self, file: &File) -> Result<XmlHttpRequest, JsValue> {
        let request = XmlHttpRequest::new()?;
        let name = String::from(js_sys::encode_uri_component(&file.name()));
        request.open("POST", &format!("/uploads?name={name}"))?;
        let progress = Closure::<dyn Fn(ProgressEvent)>::new(move |event: ProgressEvent| {
            self.sending.update(|sending| {
                if let Some(sending) = sending {
                    sending.sent = event.loaded() as u64;
                }
            });
        });
        request.upload()?.set_onprogress(Some(progress.into_js_value().unchecked_ref()));
        let answered = request.clone();
        let load = Closure::<dyn Fn()>::new(move || self.finish(&answered));
        request.set_onload(Some(load.into_js_value().unchecked_ref()));
        let message = format!("The connection broke off before {} was here.", file.name());
        let broken = Closure::<dyn Fn()>::new(move || self.fail(&message));
        request.set_onerror(Some(broken.into_js_value().unchecked_ref()));
        request.send_with_opt_blob(Some(file))?;
        Ok(request)
    }

    fn finish(self, request: &XmlHttpRequest) {
        let body = request.response_text().ok().flatten().unwrap_or_default();
        match serde_json::from_str::<Uploaded>(&body) {
            Ok(file) => {
                self.sending.set(None);
                self.here.set(Some(file));
            }
            Err(_) => match serde_json::from_str::<ApiError>(&body) {
                Ok(refusal) => self.fail(&refusal.message),
                Err(_) => self.fail("The server did not take the file."),
            },
        }
    }

    fn fail(self, message: &str) {
        self.sending.set(None);
        self.failure.set(Some(Failure { message: message.to_owned(), again: true }));
    }
}
