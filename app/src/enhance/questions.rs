use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, Event, HtmlDialogElement};

use crate::browser;

/// Questions: links with `data-opens` and `data-closes` open and close a dialog, which keeps the focus while it is
/// open. A form of the page that is on its way is not sent again.
pub(super) fn start() {
    browser::on(&document(), "click", turn_dialog);
    browser::on(&document(), "submit", |event| {
        let form = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        let Some(form) =
            form.filter(|form| !event.default_prevented() && form.matches("dialog form").is_ok_and(|is| is))
        else {
            return;
        };
        if form.has_attribute("aria-busy") {
            event.prevent_default();
        }
        browser::set(&form, "aria-busy", Some("true"));
    });
    // A page restored from the browser's cache submits nothing.
    browser::on(&window(), "pageshow", |_| {
        browser::all(&document(), "form[aria-busy]").for_each(|form| browser::set(&form, "aria-busy", None));
    });
}

/// Opens or closes the dialog that the clicked link names. A link with `data-job` says which job the dialog is about.
fn turn_dialog(event: Event) {
    let Some(target) = event.target().and_then(|target| target.dyn_into::<Element>().ok()) else { return };
    let named = |name: &str| {
        let link = target.closest(&format!("[{name}]")).ok()??;
        let dialog = document().get_element_by_id(&link.get_attribute(name)?)?.dyn_into::<HtmlDialogElement>().ok()?;
        Some((dialog, link.get_attribute("data-job")))
    };
    let (opened, closed) = (named("data-opens"), named("data-closes"));
    if let Some((dialog, _)) = opened.as_ref().or(closed.as_ref()) {
        event.prevent_default();
        let _ = dialog.class_list().remove_1("shown");
        dialog.close();
    }
    if let Some((dialog, job)) = opened {
        if let Some(job) = job {
            browser::all(&dialog, "[name=id]").for_each(|field| browser::set(&field, "value", Some(&job)));
            browser::all(&dialog, "[data-fills]").for_each(|place| browser::set_text(&place, &format!("#{job}")));
        }
        let _ = dialog.show_modal();
    }
}
