//! The parts of a page that only the server draws, fetched anew when something has happened.

use std::{cell::Cell, time::Duration};

use leptos::{
    prelude::{document, set_timeout, window},
    task::spawn_local,
};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

use crate::{
    browser::{self, all},
    components::localise,
};

/// Whether the page is being fetched, and has to be once more after that.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Fetch {
    #[default]
    Idle,
    Busy,
    Again,
}

thread_local! {
    static FETCH: Cell<Fetch> = Cell::default();
}

/// Fetches them: one fetch at a time. What happens meanwhile asks for one more, after a pause.
pub(super) fn refresh(pause: Duration) {
    if FETCH.get() != Fetch::Idle {
        return FETCH.set(Fetch::Again);
    }
    FETCH.set(Fetch::Busy);
    spawn_local(async move {
        refresh_now().await;
        set_timeout(
            move || {
                if FETCH.replace(Fetch::Idle) == Fetch::Again {
                    refresh(pause);
                }
            },
            pause,
        );
    });
}

/// Fetches this page again and puts its parts (`data-part`) in place of those shown.
pub(super) async fn refresh_now() {
    let Some(address) = window().location().href().ok() else { return };
    let Some(page) = browser::page(&address).await else { return };
    for part in all(&document(), "[data-part]") {
        let name = part.get_attribute("data-part").unwrap_or_default();
        if let Ok(Some(fresh)) = page.query_selector(&format!("[data-part={name}]")) {
            replace(&part, &fresh);
        }
    }
}

/// Puts the content of `fresh` into `part`. What a person has opened stays open; the keyboard stays in the part.
fn replace(part: &Element, fresh: &Element) {
    let open: Vec<String> = all(part, "details[open][id]").map(|details| details.id()).collect();
    let focused = document().active_element().is_some_and(|element| part.contains(Some(&element)));
    part.set_inner_html(&fresh.inner_html());
    localise(part);
    for details in open.iter().filter_map(|id| document().get_element_by_id(id)) {
        let _ = details.set_attribute("open", "");
    }
    if focused && let Some(Ok(first)) = all(part, "a, button").next().map(JsCast::dyn_into::<HtmlElement>) {
        let _ = first.focus();
    }
}
