use leptos::prelude::*;

use crate::{theme::Theme, ui::Icon};

/// Goes from the system's colour scheme to light, to dark, and back. A form where no script runs.
#[island]
pub fn ThemeSwitch(
    /// The scheme that the page was drawn for.
    theme: Theme,
) -> impl IntoView {
    let chosen = RwSignal::new(theme);
    let label = move || format!("Colour scheme: {}", chosen.get().as_str());
    view! {
        <form
            method="post"
            action="/api/set_theme"
            on:submit=move |event| {
                event.prevent_default();
                chosen.update(|theme| *theme = theme.next());
                apply(chosen.get_untracked());
            }
        >
            <input type="hidden" name="theme" value=move || chosen.get().next().as_str() />
            <button class="button square quiet small" type="submit" aria-label=label title=label>
                <Icon name="theme" />
            </button>
        </form>
    }
}

/// Shows the page in `theme` and keeps the choice.
fn apply(theme: Theme) {
    #[cfg(feature = "hydrate")]
    {
        use wasm_bindgen::JsCast;

        let document = document();
        if let Some(root) = document.document_element() {
            // Neither call fails: the name is well formed.
            let _ = match theme.attribute() {
                Some(value) => root.set_attribute("data-theme", value),
                None => root.remove_attribute("data-theme"),
            };
        }
        if let Some(document) = document.dyn_ref::<web_sys::HtmlDocument>() {
            let _ = document.set_cookie(&theme.cookie());
        }
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = theme;
}
