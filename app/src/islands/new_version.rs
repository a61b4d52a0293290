use std::{cell::Cell, rc::Rc};

use js_sys::{Date, Math};
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, Event, HtmlElement};

use crate::{
    browser::{first, hide, on},
    live,
};

/// How long a visible page must be unused before it reloads by itself, milliseconds.
const IDLE: f64 = 60_000.0;
/// Pages wait up to this much longer, so that they do not all reload at once, milliseconds.
const JITTER: f64 = 30_000.0;
/// What the user has open or is about to do.
const BUSY: &str =
    "dialog[open], [data-sending], [aria-busy=true], [aria-invalid=true], .toast, :is(input, textarea, select):focus";

/// The connection is live.
const LIVE: &str = "[data-live=on]";

/// New version banner: shows `.renewal` when the server runs another build than the page; its link reloads. The page
/// reloads by itself if nothing was typed or opened, nothing is being sent, and it was unused for a minute.
#[island]
pub fn NewVersionBanner() -> impl IntoView {
    super::on_hydrate(|| {
        let Some(banner) = first(&document(), ".renewal") else { return };
        let used = Rc::new((Cell::new(Date::now()), Cell::new(false)));
        for event in ["pointermove", "keydown", "click", "input"] {
            let used = Rc::clone(&used);
            on(&document(), event, move |event| {
                used.0.set(Date::now());
                if event.type_() == "input" || is_in(&event, "summary") {
                    used.1.set(true);
                }
            });
        }
        let (newer, now, patience) = (live::newer_build(), live::now(), JITTER * Math::random());
        let shown = Cell::new(false);
        let later = banner.clone();
        on(&banner.clone(), "click", move |event| hide(&later, is_in(&event, "button")));
        live::effect(move || {
            now.get();
            if !newer.get() {
                return;
            }
            if !shown.replace(true) {
                hide(&banner, false);
            }
            let wait = if document().hidden() { 0.0 } else { IDLE } + patience;
            let calm = !used.1.get() && first(&document(), BUSY).is_none() && first(&document(), LIVE).is_some();
            if calm && Date::now() - used.0.get() > wait {
                reload(&banner);
            }
        });
    });
}

/// Whether a click is inside such an element.
fn is_in(event: &Event, name: &str) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    event.type_() == "click" && target.is_some_and(|target| matches!(target.closest(name), Ok(Some(_))))
}

/// Follows the banner's link, which leads to the page as it was requested, also if it was the response to a form.
fn reload(banner: &Element) {
    if let Some(Ok(link)) = first(banner, "a").map(JsCast::dyn_into::<HtmlElement>) {
        link.click();
    }
}
