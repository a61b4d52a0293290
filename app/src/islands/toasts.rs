use leptos::prelude::*;
use model::{MessageEvent, MessageTo, Tone};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

use crate::{
    browser::{all, clone_template, first, hide, on, set, set_icon, set_text},
    components::{addressed_to, job_href, tone_icon},
    enhance::fragments,
    live,
};

/// How long a toast is shown, seconds. Warnings and errors stay until the user closes them.
const SHOWN: u32 = 8;
/// The number of toasts shown at once; the style sheet hides the rest.
const AT_ONCE: usize = 3;
/// The maximum number of toasts; more are only on the messages page.
const MOST: u32 = 99;

/// Toasts: shows new messages in the list of the page, if it has one, otherwise as a toast in `.toasts`.
#[island]
pub fn Toasts() -> impl IntoView {
    super::on_hydrate(|| {
        let Some(place) = first(&document(), ".toasts") else { return };
        let Some(list) = first(&place, "ul") else { return };
        let shown = place.clone();
        live::on_message(move |message| match message {
            Some(message) if !is_listed(message) => toast(&shown, message),
            // Announced explicitly, because a replaced list is not announced.
            Some(message) => {
                if let Some(place) = first(&document(), ".announcements") {
                    set_text(&place, &sentence(message));
                }
                fragments::refresh();
            }
            // Fragments are refreshed after a gap in any case.
            None => {}
        });
        on(&place.clone(), "click", move |event| {
            let clicked = event.target().and_then(|target| target.dyn_into::<Element>().ok());
            let button = clicked.and_then(|element| element.closest("button[type=button]").ok().flatten());
            if let Some(Ok(Some(toast))) = button.map(|button| button.closest("li")) {
                toast.remove();
                count(&place);
                // Keyboard users close one after the other.
                if let Some(Ok(next)) = first(&place, "li button").map(JsCast::dyn_into::<HtmlElement>) {
                    let _ = next.focus();
                }
            }
        });
        let now = live::now();
        live::effect(move || {
            now.get();
            age(&list);
        });
    });
}

/// Whether the page has a list for the message.
fn is_listed(message: &MessageEvent) -> bool {
    let list = match message.to {
        MessageTo::Note { job } => format!("[data-notes='{job}']"),
        MessageTo::Everyone | MessageTo::User { .. } | MessageTo::Job { .. } => "[data-part=messages]".to_owned(),
    };
    first(&document(), &list).is_some()
}

fn sentence(message: &MessageEvent) -> String {
    format!("{} {}: {}", message.author(), addressed_to(&message.to), message.text)
}

fn toast(place: &Element, message: &MessageEvent) {
    let (Some(list), Some(toast)) = (first(place, "ul"), clone_template(place)) else { return };
    if list.child_element_count() >= MOST {
        return;
    }
    let write = |selector: &str, text: &str| {
        if let Some(part) = first(&toast, selector) {
            set_text(&part, text);
        }
    };
    write("b", message.author());
    write(".said span", &addressed_to(&message.to));
    write(".text", &message.text);
    set(&toast, "data-tone", Some(message.tone.as_str()));
    if let Some(icon) = first(&toast, ".icon") {
        set_icon(&icon, tone_icon(message.tone));
    }
    if let Some(job) = message.to.job() {
        write("a", "Open the job");
        if let Some(link) = first(&toast, "a") {
            set(&link, "href", Some(&job_href(job)));
        }
    }
    if matches!(message.tone, Tone::Info | Tone::Success) {
        set(&toast, "data-left", Some(&SHOWN.to_string()));
    }
    let _ = list.append_child(&toast);
    count(place);
}

/// Called once a second: counts down the shown toasts, unless the page is hidden, or the pointer or the focus is on
/// one.
fn age(list: &Element) {
    if document().hidden() || list.matches(":hover, :focus-within").unwrap_or(false) {
        return;
    }
    for toast in all(list, "li:nth-child(-n + 3)[data-left]") {
        let left = toast.get_attribute("data-left").and_then(|left| left.parse::<u32>().ok()).unwrap_or_default();
        if left > 0 {
            set(&toast, "data-left", Some(&(left - 1).to_string()));
        } else {
            toast.remove();
            if let Some(place) = list.parent_element() {
                count(&place);
            }
        }
    }
}

/// Shows the number of hidden toasts.
fn count(place: &Element) {
    let hidden = all(place, "li").count().saturating_sub(AT_ONCE);
    if let Some(more) = first(place, ".more") {
        hide(&more, hidden == 0);
        set_text(&more, &format!("{hidden} more"));
    }
}
