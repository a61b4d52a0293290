//! Fragments: parts of a page that only the server draws (`data-part`), fetched again when they may have changed.
//!
//! One request for the page serves all its fragments. What concerns the reader at once (an action, the step of the job
//! on the page) is fetched at once. The rest waits until the fragments have some age, so that a busy server is asked
//! once in seconds by each visible page, and not at all by hidden ones.

mod patch;

use std::cell::Cell;

use js_sys::{Date, Math};
use leptos::{
    prelude::{Get, document},
    task::spawn_local,
    wasm_split::wasm_split,
};
use wasm_bindgen::JsCast;
use web_sys::{Document, Element, HtmlElement};

use crate::{
    browser::{self, all, first, hide, set_text},
    components::{localise, time_until},
    live,
};

/// The age of fragments at which a change of any job refreshes them, milliseconds.
pub(crate) const SOON: f64 = 3_000.0;
/// The age at which progress refreshes them.
pub(crate) const LATER: f64 = 10_000.0;
/// The age at which they are refreshed without an event: some figures change with time, and some changes have no event.
const AT_LEAST: f64 = 60_000.0;
/// A slow server is asked less often: a refresh takes at most one part in this of a page's time.
const SHARE: f64 = 10.0;
/// After a failure, milliseconds.
const RETRY: f64 = 10_000.0;

thread_local! {
    /// The age of the fragments at which they are fetched.
    static WANTED: Cell<f64> = const { Cell::new(AT_LEAST) };
    /// When the last fetch ended.
    static FETCHED: Cell<f64> = const { Cell::new(0.0) };
    /// The shortest pause before the next fetch that is not urgent.
    static PAUSE: Cell<f64> = const { Cell::new(0.0) };
    /// The number of the newest fetch.
    static NEWEST: Cell<u32> = const { Cell::new(0) };
    static BUSY: Cell<bool> = const { Cell::new(false) };
    /// A refresh was asked for during a fetch.
    static AGAIN: Cell<bool> = const { Cell::new(false) };
}

/// Refreshes the fragments once they have this age, milliseconds.
pub(crate) fn refresh_at(age: f64) {
    WANTED.set(WANTED.get().min(age));
}

/// Refreshes the fragments now; while the page is hidden, when it is shown again. One fetch at a time: requests during
/// a fetch cause one more.
pub(crate) fn refresh() {
    if document().hidden() {
        return refresh_at(0.0);
    }
    if BUSY.replace(true) {
        return AGAIN.set(true);
    }
    spawn_local(async {
        refresh_now().await;
        BUSY.set(false);
        if AGAIN.take() {
            refresh();
        }
    });
}

/// Follows the events that can change fragments.
pub(crate) fn follow() {
    FETCHED.set(Date::now());
    live::on_state(|_| refresh_at(SOON));
    live::on_control(|| refresh_at(SOON));
    let (now, link) = (live::now(), live::connection_state());
    live::effect(move || {
        let now = now.get();
        // Without the attribute once the time has come: what follows is the server's to say.
        for time in all(&document(), "[data-until]") {
            let left = time.get_attribute("data-until").and_then(|at| at.parse().ok()).map(|at| time_until(at, now));
            let left = left.flatten().unwrap_or_else(|| {
                browser::set(&time, "data-until", None);
                refresh_at(SOON);
                "now".to_owned()
            });
            set_text(&time, &left);
        }
        let age = Date::now() - FETCHED.get();
        let due = age >= WANTED.get().max(PAUSE.get()) && !BUSY.get() && !document().hidden();
        if due && link.get().0.is_live() && first(&document(), "main [data-part]").is_some() {
            refresh();
        }
    });
}

/// Fetches this page and updates its fragments.
pub(crate) async fn refresh_now() {
    let number = NEWEST.get() + 1;
    NEWEST.set(number);
    WANTED.set(AT_LEAST);
    let start = Date::now();
    // The address of the page itself.
    let page = browser::fetch_any_page("").await;
    let end = Date::now();
    FETCHED.set(end);
    // Not the same for all pages that saw the same event.
    PAUSE.set((end - start) * SHARE + SOON * Math::random());
    let Some((200 | 404, page)) = page else {
        PAUSE.set(PAUSE.get() + RETRY);
        return refresh_at(0.0);
    };
    // Of responses that overtook each other, only the newest is shown.
    if NEWEST.get() != number {
        return;
    }
    show(page).await;
}

/// Updates the fragments from a newer copy of the page, unless another build or for another reader drew it: this program
/// cannot run the islands of the one, and the page must not show what belongs to the other. A file of its own, which
/// pages fetch with their first refresh.
#[wasm_split(fragments, wasm_split_path = ::leptos::wasm_split)]
fn show(page: Document) {
    let differs = |name: &str| {
        let value = |page: Document| page.document_element().and_then(|root| root.get_attribute(name));
        value(page.clone()) != value(document())
    };
    if differs("data-build") || differs("data-who") {
        return;
    }
    if matches!(page.query_selector("[data-not-found]"), Ok(Some(_))) {
        all(&document(), "[data-deleted]").for_each(|notice| hide(&notice, false));
        all(&document(), ".page-head .actions").for_each(|actions| hide(&actions, true));
    }
    for part in all(&document(), "[data-part]") {
        let name = part.get_attribute("data-part").unwrap_or_default();
        if let Ok(Some(fresh)) = page.query_selector(&format!("[data-part='{name}']")) {
            update(&part, &fresh);
        }
    }
}

/// Updates a fragment. The focus stays in it, even if its element goes.
fn update(part: &Element, fresh: &Element) {
    let has_focus = || document().active_element().is_some_and(|element| part.contains(Some(&element)));
    let focused = has_focus();
    localise(fresh);
    if !patch::patch(part, fresh) {
        return;
    }
    // The style sheet lets changed actions rest: a second click is meant for the button that was there before. Another
    // value starts its animation again.
    let again = part.get_attribute("data-changed").as_deref() == Some("1");
    browser::set(part, "data-changed", Some(if again { "2" } else { "1" }));
    if focused
        && !has_focus()
        && let Some(Ok(first)) = all(part, "a, button").next().map(JsCast::dyn_into::<HtmlElement>)
    {
        let _ = first.focus();
    }
}
