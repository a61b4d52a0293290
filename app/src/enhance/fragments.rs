//! Fragments: parts of a page that only the server draws (`data-part`), fetched again after a change.

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

/// Whether a fetch is running, and whether another is due after it.
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

/// Refreshes the fragments. One fetch at a time: requests during a fetch cause one more, after a pause.
pub(crate) fn refresh(pause: Duration) {
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

/// Fetches this page and replaces its fragments.
pub(crate) async fn refresh_now() {
    let Some(address) = window().location().href().ok() else { return };
    let Some(page) = browser::fetch_page(&address).await else { return };
    for part in all(&document(), "[data-part]") {
        let name = part.get_attribute("data-part").unwrap_or_default();
        if let Ok(Some(fresh)) = page.query_selector(&format!("[data-part={name}]")) {
            replace(&part, &fresh);
        }
    }
}

/// Replaces the content of a fragment. Opened details stay open, and the focus stays in the fragment.
fn replace(part: &Element, fresh: &Element) {
    let open: Vec<String> = all(part, "details[open][id]").map(|details| details.id()).collect();
    let focused = document().active_element().is_some_and(|element| part.contains(Some(&element)));
    let fresh = fresh.inner_html();
    if part.inner_html() == fresh {
        return;
    }
    part.set_inner_html(&fresh);
    // The style sheet lets new actions rest: a second click is meant for the button that was there before.
    browser::set(part, "data-changed", Some(""));
    localise(part);
    for details in open.iter().filter_map(|id| document().get_element_by_id(id)) {
        let _ = details.set_attribute("open", "");
    }
    if focused && let Some(Ok(first)) = all(part, "a, button").next().map(JsCast::dyn_into::<HtmlElement>) {
        let _ = first.focus();
    }
}
