use leptos::prelude::*;

use crate::browser;

/// Copy buttons: each button with `data-copies` copies the text of the element that it names.
pub(super) fn start() {
    for button in browser::all(&document(), "[data-copies]") {
        browser::set(&button, "hidden", None);
        let this = button.clone();
        browser::on(&button, "click", move |_| {
            browser::copy_text(&this.get_attribute("data-copies").unwrap_or_default());
            if let Some(icon) = browser::first(&this, ".icon") {
                browser::set_icon(&icon, "check");
            }
            if let Some(status) = this.next_element_sibling() {
                browser::set_text(&status, "Copied");
            }
        });
    }
}
