use leptos::{ev, prelude::*, task::spawn_local};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlDialogElement, HtmlFormElement};

use crate::browser;

/// Sends the forms inside it without leaving the page, and says in place why one was refused. Forms marked
/// `data-plain` are left to the browser. Links with `data-opens` and `data-closes` open and close a dialog.
#[island]
pub fn LiveForms(
    /// The forms.
    children: Children,
) -> impl IntoView {
    let refusal = RwSignal::new(String::new());
    let submit = move |event: ev::SubmitEvent| {
        let Some(form) = event.target().and_then(|target| target.dyn_into::<HtmlFormElement>().ok()) else { return };
        if form.has_attribute("data-plain") {
            return;
        }
        event.prevent_default();
        spawn_local(send(form, refusal));
    };
    view! {
        <div class="actions" on:submit=submit on:click=turn_dialog>
            {children()}
        </div>
        <p class="notice bad refusal" role="alert" hidden=move || refusal.read().is_empty()>
            {move || refusal.get()}
        </p>
    }
}

async fn send(form: HtmlFormElement, refusal: RwSignal<String>) {
    let buttons: Vec<Element> = browser::all(&form, "button").collect();
    for button in &buttons {
        let _ = button.set_attribute("aria-busy", "true");
        let _ = button.set_attribute("disabled", "");
    }
    let answer = browser::send(&form).await;
    if let Ok(Some(place)) = &answer {
        let _ = window().location().set_href(place);
        return;
    }
    for button in &buttons {
        let _ = button.remove_attribute("aria-busy");
        let _ = button.remove_attribute("disabled");
    }
    if let Ok(Some(dialog)) = form.closest("dialog") {
        dialog.unchecked_into::<HtmlDialogElement>().close();
    }
    refusal.set(answer.err().unwrap_or_default());
    browser::refresh_parts().await;
}

/// Opens or closes the dialog that the link clicked on names.
fn turn_dialog(event: ev::MouseEvent) {
    let Some(target) = event.target().and_then(|target| target.dyn_into::<Element>().ok()) else { return };
    let named = |name: &str| {
        let link = target.closest(&format!("[{name}]")).ok()??;
        document().get_element_by_id(&link.get_attribute(name)?)?.dyn_into::<HtmlDialogElement>().ok()
    };
    if let Some(dialog) = named("data-opens") {
        event.prevent_default();
        let _ = dialog.class_list().remove_1("shown");
        dialog.close();
        let _ = dialog.show_modal();
    } else if let Some(dialog) = named("data-closes") {
        event.prevent_default();
        let _ = dialog.class_list().remove_1("shown");
        dialog.close();
    }
}
