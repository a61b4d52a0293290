use std::{cell::Cell, rc::Rc};

use js_sys::{Date, Math};
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, Event, HtmlElement};

use crate::{
    browser::{first, hide, on},
    live,
};

/// How long nobody may have done anything at a page that is seen, milliseconds, before it loads itself anew.
const IDLE: f64 = 60_000.0;
/// Pages wait up to this much longer, so that they do not all come at once.
const JITTER: f64 = 30_000.0;
/// What somebody has open or is about to do.
const BUSY: &str =
    "dialog[open], [data-sending], [aria-busy=true], [aria-invalid=true], .toast, :is(input, textarea, select):focus";

/// Where the server can be reached now.
const LIVE: &str = "[data-live=on]";

/// Shows `.renewal` once the server is of another build than the page; its link loads the page anew. So does the page
/// itself, where nothing was typed or opened, nothing is under way, and nobody looks or has done anything for a minute.
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
        live::keep(move || {
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

/// Whether somebody clicks on such an element.
fn is_in(event: &Event, name: &str) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    event.type_() == "click" && target.is_some_and(|target| matches!(target.closest(name), Ok(Some(_))))
}

/// The link leads to the page as it is asked for, also where it was the answer to a form.
fn reload(banner: &Element) {
    if let Some(Ok(link)) = first(banner, "a").map(JsCast::dyn_into::<HtmlElement>) {
        link.click();
    }
}
