use std::cell::Cell;

use leptos::{prelude::*, task::spawn_local};
use model::Micros;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlFormElement, SubmitEvent};

use crate::{
    base_path::url,
    browser::{self, first, hide, set, set_text},
    components::{ago, write_time},
    enhance::fragments,
    live::{self, ConnectionState},
};

/// A shorter interruption is not shown, seconds.
const BREAK: f64 = 5.0;

/// Offline notice: shows how old the page is while the server is unreachable (`.away`), refreshes a saved copy when the
/// server is back, and holds back forms that could not be sent.
#[island]
pub fn OfflineNotice() -> impl IntoView {
    super::on_hydrate(|| {
        let (Some(root), Some(place)) = (document().document_element(), first(&document(), ".away")) else { return };
        let (now, link) = (live::now(), live::connection_state());
        let (before, lost_at) = (Cell::new(ConnectionState::Connecting), Cell::new(None));
        let (page, unsent) = (root.clone(), first(&place, ".unsent"));
        live::effect(move || {
            let ((link, heard), now) = (link.get(), now.get());
            let kept = root.get_attribute("data-kept").and_then(|at| at.parse().ok()).map(Micros);
            let changed = before.replace(link) != link;
            match link {
                ConnectionState::Stale | ConnectionState::Reconnecting | ConnectionState::Offline => {
                    let lost = lost_at.get().unwrap_or(now);
                    lost_at.set(Some(lost));
                    let shown = kept.is_none() && now.seconds_since(lost) >= BREAK;
                    set(&root, "data-lost", shown.then_some(""));
                    if let Some(time) = first(&place, "time").filter(|_| shown) {
                        write_time(&time, heard.unwrap_or(lost));
                    }
                }
                ConnectionState::Live | ConnectionState::Polling if changed => {
                    lost_at.set(None);
                    unmark(&root);
                    if let Some(unsent) = first(&place, ".unsent") {
                        hide(&unsent, true);
                    }
                    if kept.is_some() {
                        fragments::refresh();
                    }
                }
                ConnectionState::SignedOut if changed => {
                    forget();
                    if kept.is_some() {
                        browser::navigate("");
                    }
                }
                ConnectionState::Live
                | ConnectionState::Polling
                | ConnectionState::SignedOut
                | ConnectionState::Connecting
                | ConnectionState::Paused => {}
            }
            if let Some(age) = first(&place, ".age") {
                set_text(&age, &format!(" ({})", ago(kept.or(heard).unwrap_or(now), now)));
            }
        });
        browser::on(&document(), "submit", move |event| {
            let form = event.target().and_then(|target| target.dyn_into::<HtmlFormElement>().ok());
            let gone = page.has_attribute("data-kept") || page.has_attribute("data-lost");
            let held = form.filter(|form| gone && !event.default_prevented() && form.method() == "post");
            if let (Some(form), Some(unsent)) = (held, unsent.clone()) {
                event.prevent_default();
                spawn_local(send(form, event.unchecked_into(), page.clone(), unsent));
            }
        });
    });
}

/// Marks the page as current.
fn unmark(root: &Element) {
    set(root, "data-kept", None);
    set(root, "data-lost", None);
}

/// Submits a form if the server can be reached, otherwise says that nothing was sent.
async fn send(form: HtmlFormElement, event: SubmitEvent, page: Element, unsent: Element) {
    if browser::fetch_page(&url("/healthz")).await.is_some() {
        unmark(&page);
        // Fails only for a button of another form.
        return drop(form.request_submit_with_submitter(event.submitter().as_ref()));
    }
    hide(&unsent, false);
    // Signing out deletes the saved pages even if the session cannot be ended yet.
    if form.action().ends_with("/api/sign_out") {
        forget();
    }
}

/// Deletes the saved pages: the service worker watches for this request.
fn forget() {
    spawn_local(async {
        browser::fetch_page(&url("/service-worker.js?forget")).await;
    });
}
