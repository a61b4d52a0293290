use leptos::{prelude::*, task::spawn_local};
use wasm_bindgen::JsCast;
use web_sys::{Element, Event, HtmlDialogElement, HtmlFormElement};

use crate::browser;

/// In-place forms: submits the forms in `[data-forms]` without leaving the page, and shows an error in the next
/// element. The browser submits forms with `data-plain`; forms with `data-clears` are emptied after. Links with
/// `data-opens` and `data-closes` open and close a dialog.
pub(super) fn start() {
    for forms in browser::all(&document(), "[data-forms]") {
        let Some(refusal) = forms.next_element_sibling() else { continue };
        browser::on(&forms, "submit", move |event| {
            let form = event.target().and_then(|target| target.dyn_into::<HtmlFormElement>().ok());
            if let Some(form) = form.filter(|form| !form.has_attribute("data-plain")) {
                event.prevent_default();
                spawn_local(send(form, refusal.clone()));
            }
        });
        browser::on(&forms, "click", turn_dialog);
    }
    // A page restored from the browser's cache submits nothing.
    browser::on(&window(), "pageshow", |_| {
        browser::all(&document(), "form[aria-busy]").for_each(|form| browser::set(&form, "aria-busy", None));
    });
}

async fn send(form: HtmlFormElement, refusal: Element) {
    // One submission at a time. The buttons stay enabled: a disabled one loses the focus.
    if form.has_attribute("aria-busy") {
        return;
    }
    browser::set(&form, "aria-busy", Some("true"));
    let answer = browser::submit_form(&form).await;
    if let Ok(Some(place)) = &answer {
        return browser::navigate(place);
    }
    browser::set(&form, "aria-busy", None);
    if let Ok(Some(dialog)) = form.closest("dialog") {
        dialog.unchecked_into::<HtmlDialogElement>().close();
    }
    let (accepted, clears) = (answer.is_ok(), form.has_attribute("data-clears"));
    if accepted && clears {
        form.reset();
    }
    let why = answer.err().map(|refused| refused.message);
    browser::hide(&refusal, why.is_none());
    browser::set_text(&refusal, &why.unwrap_or_default());
    super::fragments::refresh_now().await;
    // What was accepted is no longer typed: later values of the server are shown in its place.
    if accepted && !clears {
        form.reset();
    }
}

/// Opens or closes the dialog that the clicked link names.
fn turn_dialog(event: Event) {
    let Some(target) = event.target().and_then(|target| target.dyn_into::<Element>().ok()) else { return };
    let named = |name: &str| {
        let link = target.closest(&format!("[{name}]")).ok()??;
        document().get_element_by_id(&link.get_attribute(name)?)?.dyn_into::<HtmlDialogElement>().ok()
    };
    let (opened, closed) = (named("data-opens"), named("data-closes"));
    if let Some(dialog) = opened.as_ref().or(closed.as_ref()) {
        event.prevent_default();
        let _ = dialog.class_list().remove_1("shown");
        dialog.close();
    }
    if let Some(dialog) = opened {
        let _ = dialog.show_modal();
    }
}
