use leptos::prelude::*;

use crate::{browser, ui::Icon};

/// Copies the text of an element of this page. Shows itself once it works.
#[island]
pub fn CopyButton(
    /// The element's id.
    copies: String,
    /// What is done: "Copy input as JSON".
    label: String,
) -> impl IntoView {
    let awake = RwSignal::new(false);
    let done = RwSignal::new(false);
    Effect::new(move || awake.set(true));
    let icon = Signal::derive(move || if done.get() { "check" } else { "copy" });
    view! {
        <button
            class="button square quiet small"
            type="button"
            aria-label=label.clone()
            title=label
            hidden=move || !awake.get()
            on:click=move |_| {
                browser::copy(&copies);
                done.set(true);
            }
        >
            <Icon name=icon />
        </button>
        <span class="visually-hidden" role="status">
            {move || done.get().then_some("Copied")}
        </span>
    }
}
