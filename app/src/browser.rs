//! Browser access for islands: fetching pages, posting forms, reading and writing elements. Never runs on the server.

use std::rc::Rc;

use js_sys::JsString;
use leptos::prelude::{document, window};
use model::FieldError;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Document, DomParser, Element, Event, FormData, HtmlFormElement, HtmlInputElement, HtmlTemplateElement, RequestInit,
    Response, SupportedType, UrlSearchParams,
};

use crate::base_path::url;

/// Fetches the page at `address` and parses it. `None` on any failure.
pub(crate) async fn fetch_page(address: &str) -> Option<Document> {
    fetch_any_page(address).await.filter(|(status, _)| *status == 200).map(|(_, page)| page)
}

/// Fetches the page at `address` and parses it, with its status. `None` without a response.
pub(crate) async fn fetch_any_page(address: &str) -> Option<(u16, Document)> {
    let response: Response = JsFuture::from(window().fetch_with_str(address)).await.ok()?.dyn_into().ok()?;
    let html = JsFuture::from(response.text().ok()?).await.ok()?.as_string()?;
    Some((response.status(), DomParser::new().ok()?.parse_from_string(&html, SupportedType::TextHtml).ok()?))
}

/// Why a request was refused.
pub(crate) struct RequestError {
    pub(crate) message: String,
    /// Errors of single fields.
    pub(crate) fields: Vec<FieldError>,
}

impl RequestError {
    /// Parses the body of an error response.
    pub(crate) fn read(answer: &str) -> Self {
        /// The members that a page shows.
        #[derive(serde::Deserialize)]
        struct Refusal {
            message: String,
            #[serde(default)]
            fields: Vec<FieldError>,
        }
        match leptos::serde_json::from_str(answer) {
            Ok(Refusal { message, fields }) => Self { message, fields },
            Err(_) => Self { message: LOST.to_owned(), fields: Vec::new() },
        }
    }
}

impl From<JsValue> for RequestError {
    /// A request without a response.
    fn from(_: JsValue) -> Self {
        Self::read("")
    }
}

const LOST: &str = "The request failed. Check your connection and try again.";

/// Submits a form, to the address of its button if that has one. Returns the address to go to, if any.
pub(crate) async fn submit_form(
    form: &HtmlFormElement,
    button: Option<&Element>,
) -> Result<Option<String>, RequestError> {
    let data = FormData::new_with_form(form)?;
    let action = button.and_then(|button| button.get_attribute("formaction")).unwrap_or_else(|| form.action());
    post(&action, &UrlSearchParams::new_with_str_sequence_sequence(&data)?).await.map(|reply| reply.location)
}

/// The response of a server function.
pub(crate) struct Reply {
    /// The `Location` header: the page to go to.
    pub(crate) location: Option<String>,
    /// The returned value as JSON.
    pub(crate) body: String,
}

pub(crate) async fn post(address: &str, arguments: &UrlSearchParams) -> Result<Reply, RequestError> {
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_body(arguments);
    let response: Response = JsFuture::from(window().fetch_with_str_and_init(address, &init)).await?.unchecked_into();
    let value = JsFuture::from(response.text()?).await?.as_string().unwrap_or_default();
    if !response.ok() {
        return Err(RequestError::read(&value));
    }
    Ok(Reply { location: response.headers().get("location")?, body: value })
}

pub(crate) fn navigate(place: &str) {
    // Fails only for an invalid address.
    let _ = window().location().set_href(place);
}

/// Clones the content of the `<template>` inside `place`.
pub(crate) fn clone_template(place: &Element) -> Option<Element> {
    let template: HtmlTemplateElement = place.query_selector("template").ok()??.dyn_into().ok()?;
    template.content().first_element_child()?.clone_node_with_deep(true).ok()?.dyn_into().ok()
}

/// Converts to lower case with the browser's tables, which the server's match.
pub(crate) fn lower_case(text: &str) -> String {
    JsString::from(text).to_lower_case().into()
}

/// Converts to upper case with the browser's tables, which the server's match. Rust's would be 5 kB of a first visit.
pub(crate) fn upper_case(text: &str) -> String {
    if cfg!(feature = "ssr") { text.to_uppercase() } else { JsString::from(text).to_upper_case().into() }
}

/// Copies the text of the element `id` to the clipboard, with `execCommand`: the Clipboard API needs HTTPS.
pub(crate) fn copy_text(id: &str) {
    let Some(element) = document().get_element_by_id(id) else { return };
    match (element.dyn_ref::<HtmlInputElement>(), window().get_selection()) {
        (Some(input), _) => input.select(),
        (None, Ok(Some(selection))) => drop(selection.select_all_children(&element)),
        (None, _) => return,
    }
    if let Ok(document) = document().dyn_into::<web_sys::HtmlDocument>() {
        let _ = document.exec_command("copy");
    }
}

/// Returns the elements under `root`, an element or this page, that match `selector`.
pub(crate) fn all(root: &web_sys::Node, selector: &str) -> impl Iterator<Item = Element> + use<> {
    let found = match root.dyn_ref::<Element>() {
        Some(element) => element.query_selector_all(selector),
        None => document().query_selector_all(selector),
    };
    let found = found.ok();
    (0..found.as_ref().map_or(0, web_sys::NodeList::length))
        .filter_map(move |i| found.as_ref()?.item(i)?.dyn_into::<Element>().ok())
}

/// Sets or removes an attribute, if it changes.
pub(crate) fn set(element: &Element, name: &str, value: Option<&str>) {
    if element.get_attribute(name).as_deref() != value {
        // Fails only for an invalid name.
        let _ = match value {
            Some(value) => element.set_attribute(name, value),
            None => element.remove_attribute(name),
        };
    }
}

/// Replaces the text, if it changes.
pub(crate) fn set_text(element: &Element, text: &str) {
    if element.text_content().as_deref() != Some(text) {
        element.set_text_content(Some(text));
    }
}

pub(crate) fn hide(element: &Element, hidden: bool) {
    set(element, "hidden", hidden.then_some(""));
}

/// Returns the first element under `root` that matches `selector`.
pub(crate) fn first(root: &web_sys::Node, selector: &str) -> Option<Element> {
    all(root, selector).next()
}

/// Shows an icon of the sprite in an [`Icon`](crate::components::Icon), unless it is there already. The icon of an unknown
/// task replaces none: the server knows those of commands.
pub(crate) fn set_icon(icon: &Element, name: &str) {
    let shown = icon.get_attribute("data-icon");
    if shown.as_deref() != Some(name) && (name != "worker" || shown.is_none()) {
        set(icon, "data-icon", Some(name));
        icon.set_text_content(None);
        add_svg(icon, "use", &[("href", &(url("/icons.svg") + "#i-" + name))]);
    }
}

/// The namespace of SVG elements.
pub(crate) const SVG: &str = "http://www.w3.org/2000/svg";

/// Adds an SVG element with these attributes to `parent`.
pub(crate) fn add_svg(parent: &Element, name: &str, attributes: &[(&str, &str)]) {
    // Fails only for an invalid name.
    let Ok(element) = document().create_element_ns(Some(SVG), name) else { return };
    for (name, value) in attributes {
        set(&element, name, Some(value));
    }
    let _ = parent.append_child(&element);
}

/// Adds an event listener that is never removed, and keeps `owner` as long as the element.
pub(crate) fn on_with<T: 'static>(
    element: &web_sys::EventTarget,
    event: &str,
    owner: &Rc<T>,
    handler: impl Fn(&Rc<T>, &Event) + 'static,
) {
    let owner = Rc::clone(owner);
    on(element, event, move |event| handler(&owner, &event));
}

/// Adds an event listener that is never removed.
pub(crate) fn on(element: &web_sys::EventTarget, event: &str, handler: impl Fn(Event) + 'static) {
    let handler = Closure::<dyn Fn(Event)>::new(handler).into_js_value();
    // Fails only for an invalid closure.
    let _ = element.add_event_listener_with_callback(event, handler.unchecked_ref());
}
