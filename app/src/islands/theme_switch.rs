use leptos::prelude::*;
use wasm_bindgen::JsCast;

use crate::{
    browser::{on, set},
    session::Theme,
};

/// Theme switch: changes the colour scheme with the form in `.theme` without leaving the page.
#[island]
pub fn ThemeSwitch() -> impl IntoView {
    super::on_hydrate(|| {
        let Ok(Some(form)) = document().query_selector(".theme") else { return };
        let this = form.clone();
        on(&form, "submit", move |event| {
            event.prevent_default();
            let next = this.query_selector("input").ok().flatten();
            let chosen = next.as_ref().and_then(|input| Theme::from_word(&input.get_attribute("value")?));
            if let (Some(next), Some(chosen)) = (next, chosen) {
                set(&next, "value", Some(chosen.next().as_str()));
                if let Ok(Some(button)) = this.query_selector("button") {
                    set(&button, "aria-label", Some(&chosen.label()));
                    set(&button, "title", Some(&chosen.label()));
                }
                apply(chosen);
            }
        });
    });
}

/// Shows the page in `theme` and stores it in the cookie.
fn apply(theme: Theme) {
    let document = document();
    if let Some(root) = document.document_element() {
        set(&root, "data-theme", theme.attribute());
    }
    if let Some(document) = document.dyn_ref::<web_sys::HtmlDocument>() {
        let secure = window().location().protocol().is_ok_and(|protocol| protocol == "https:");
        // Fails only for a document without an address.
        let _ = document.set_cookie(&theme.cookie(secure));
    }
}
