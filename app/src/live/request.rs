//! Requests beside the event stream.

use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::XmlHttpRequest;

/// Timeout of a request, milliseconds. A poll may take 25 s.
const LONGEST: u32 = 40_000;

pub(super) struct Answer {
    /// 0 if there was no response.
    pub(super) status: u16,
    pub(super) text: String,
    /// The pause of `Retry-After`, milliseconds.
    pub(super) pause: Option<f64>,
}

/// A running request; dropping it aborts it.
pub(super) struct Request(XmlHttpRequest);

impl Drop for Request {
    fn drop(&mut self) {
        self.0.set_onloadend(None);
        // Cannot fail.
        drop(self.0.abort());
    }
}

/// Sends a request, a `POST` if it has a body. The callback is boxed: each closure type adds to the wasm.
pub(super) fn send(url: &str, body: Option<&str>, answered: Box<dyn FnOnce(Answer)>) -> Option<Request> {
    let request = XmlHttpRequest::new().ok()?;
    request.open(if body.is_some() { "POST" } else { "GET" }, url).ok()?;
    if body.is_some() {
        request.set_request_header("content-type", "application/json").ok()?;
    }
    request.set_timeout(LONGEST);
    let asked = request.clone();
    let done = Closure::once_into_js(move || {
        let pause = asked.get_response_header("retry-after").ok().flatten();
        answered(Answer {
            status: asked.status().unwrap_or(0),
            text: asked.response_text().ok().flatten().unwrap_or_default(),
            pause: pause.and_then(|seconds| seconds.parse::<u32>().ok()).map(|seconds| f64::from(seconds) * 1_000.0),
        });
    });
    request.set_onloadend(Some(done.unchecked_ref()));
    // A failure to send also ends in `loadend`.
    drop::<Result<(), JsValue>>(request.send_with_opt_str(body));
    Some(Request(request))
}
