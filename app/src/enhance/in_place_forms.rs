use std::cell::Cell;

use leptos::{prelude::*, task::spawn_local};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlDialogElement, HtmlElement, HtmlFormElement, HtmlSelectElement, SubmitEvent};

use crate::{browser, live};

/// How long a toast is shown, seconds.
const TOAST: &str = "8";

/// In-place forms: submits the forms in `[data-forms]` without leaving the page, and shows an error in the next
/// element. The browser submits forms with `data-plain`; forms with `data-clears` are emptied after, those with
/// `data-toast` show a toast, which can undo those with `data-undo`. A choice in a form with `data-applies` submits it.
pub(super) fn start() {
    for forms in browser::all(&document(), "[data-forms]") {
        let Some(refusal) = forms.next_element_sibling() else { continue };
        if let Some(close) = browser::first(&refusal, "button") {
            let closed = refusal.clone();
            browser::on(&close, "click", move |_| browser::hide(&closed, true));
        }
        browser::on(&forms, "submit", move |event| {
            let form = event.target().and_then(|target| target.dyn_into::<HtmlFormElement>().ok());
            let form = form.filter(|form| form.method() == "post" && !form.has_attribute("data-plain"));
            if let Some(form) = form {
                event.prevent_default();
                let button = event.unchecked_into::<SubmitEvent>().submitter().map(Element::from);
                spawn_local(send(form, button, refusal.clone()));
            }
        });
    }
    browser::on(&document(), "change", |event| {
        let list = event.target().and_then(|target| target.dyn_into::<HtmlSelectElement>().ok());
        if let Some(form) = list.and_then(|list| list.form()).filter(|form| form.has_attribute("data-applies")) {
            // Fails only for a button of another form.
            let _ = form.request_submit();
        }
    });
    // What failed because the server could not be reached can be sent again.
    let (link, was_live) = (live::connection_state(), Cell::new(true));
    live::effect(move || {
        let is_live = link.get().0.is_live();
        if is_live && !was_live.get() {
            browser::all(&document(), ".refusal").for_each(|refusal| browser::hide(&refusal, true));
        }
        was_live.set(is_live);
    });
}

async fn send(form: HtmlFormElement, button: Option<Element>, refusal: Element) {
    // One submission at a time. The buttons stay enabled: a disabled one loses the focus.
    if form.has_attribute("aria-busy") {
        return;
    }
    browser::set(&form, "aria-busy", Some("true"));
    let answer = browser::submit_form(&form, button.as_ref()).await;
    if let Ok(Some(place)) = &answer {
        return browser::navigate(place);
    }
    browser::set(&form, "aria-busy", None);
    if let Ok(Some(dialog)) = form.closest("dialog") {
        dialog.unchecked_into::<HtmlDialogElement>().close();
    }
    let (accepted, clears) = (answer.is_ok(), form.has_attribute("data-clears"));
    if accepted {
        if clears {
            form.reset();
        }
        if let Some(text) = form.get_attribute("data-toast") {
            toast(&text, &form, &refusal);
        }
    }
    let why = answer.err().map(|refused| refused.message);
    browser::hide(&refusal, why.is_none());
    if let Some(text) = browser::first(&refusal, "p") {
        browser::set_text(&text, &why.unwrap_or_default());
    }
    super::fragments::refresh_now().await;
    // What was accepted is no longer typed: later values of the server are shown in its place.
    if accepted && !clears {
        form.reset();
    }
}

/// Shows a toast; the island of the toasts removes it. For a form with `data-undo` it has a button that sends a copy of
/// the form there.
fn toast(text: &str, form: &HtmlFormElement, refusal: &Element) {
    let Some(place) = browser::first(&document(), ".toasts") else { return };
    let (Some(list), Some(toast)) = (browser::first(&place, "ul"), browser::clone_template(&place)) else { return };
    browser::set(&toast, "data-tone", Some("success"));
    browser::set(&toast, "data-left", Some(TOAST));
    browser::all(&toast, ".text, a").for_each(|unused| unused.remove());
    if let Some(icon) = browser::first(&toast, ".icon") {
        browser::set_icon(&icon, "succeeded");
    }
    if let Some(said) = browser::first(&toast, "b") {
        browser::set_text(&said, text);
    }
    if let Some(action) = form.get_attribute("data-undo") {
        add_undo(&toast, form, &action, refusal.clone());
    }
    let _ = list.append_child(&toast);
}

fn add_undo(toast: &Element, form: &HtmlFormElement, action: &str, refusal: Element) {
    let Ok(Ok(undo)) = form.clone_node_with_deep(true).map(JsCast::dyn_into::<HtmlFormElement>) else { return };
    let (Some(button), Some(close)) = (browser::first(&undo, "button"), browser::first(toast, "button")) else {
        return;
    };
    for (name, value) in [("action", Some(action)), ("data-toast", None), ("data-undo", None)] {
        browser::set(&undo, name, value);
    }
    browser::set_text(&button, "Undo");
    let sent = undo.clone();
    let origin = form.clone();
    browser::on(&undo, "submit", move |event| {
        event.prevent_default();
        let (undo, refusal, close, origin) = (sent.clone(), refusal.clone(), close.clone(), origin.clone());
        spawn_local(async move {
            send(undo, None, refusal).await;
            // As its button does.
            close.unchecked_into::<HtmlElement>().click();
            // The form is drawn again, as another element.
            let drawn = browser::all(&document(), "form").find(|form| form.is_equal_node(Some(&origin)));
            let button = drawn.and_then(|form| browser::first(&form, "button"));
            if let Some(Ok(button)) = button.map(JsCast::dyn_into::<HtmlElement>) {
                let _ = button.focus();
            }
        });
    });
    let _ = toast.append_child(&undo);
}
