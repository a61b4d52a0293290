use leptos::{prelude::*, task::spawn_local};
use wasm_bindgen::JsCast;
use web_sys::{Element, Event, HtmlDialogElement, HtmlFormElement};

use crate::browser;

/// Sends the forms inside `[data-forms]` without leaving the page, and says in the element that follows why one was
/// refused. Forms marked `data-plain` are left to the browser; those marked `data-clears` are empty after. Links with `data-opens` and `data-closes` open and
/// close a dialog.
#[island]
pub fn InPlaceForms() -> impl IntoView {
    super::on_hydrate(|| {
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
        // A page that comes back from the browser's cache sends nothing any more.
        browser::on(&window(), "pageshow", |_| {
            browser::all(&document(), "form[aria-busy]").for_each(|form| browser::set(&form, "aria-busy", None));
        });
    });
}

async fn send(form: HtmlFormElement, refusal: Element) {
    // Sent once, until it is answered. The buttons stay enabled: one that is not loses the keyboard.
    if form.has_attribute("aria-busy") {
        return;
    }
    browser::set(&form, "aria-busy", Some("true"));
    let answer = browser::send(&form).await;
    if let Ok(Some(place)) = &answer {
        return browser::go(place);
    }
    browser::set(&form, "aria-busy", None);
    if let Ok(Some(dialog)) = form.closest("dialog") {
        dialog.unchecked_into::<HtmlDialogElement>().close();
    }
    if answer.is_ok() && form.has_attribute("data-clears") {
        form.reset();
    }
    let why = answer.err().map(|refused| refused.message);
    browser::hide(&refusal, why.is_none());
    browser::set_text(&refusal, &why.unwrap_or_default());
    super::fragments::refresh_now().await;
}

/// Opens or closes the dialog that the link clicked on names.
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
