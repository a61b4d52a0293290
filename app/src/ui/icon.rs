use leptos::prelude::*;

/// An icon of the sprite. Decorative: a word must stand beside it or in the button's `aria-label`.
#[component]
pub fn Icon(
    /// Name without its `i-`.
    name: &'static str,
) -> impl IntoView {
    view! {
        <svg class="icon" aria-hidden="true" focusable="false">
            <use href=icon_href(name)></use>
        </svg>
    }
}

/// Where an icon is.
pub fn icon_href(name: &str) -> String {
    format!("/icons.svg#i-{name}")
}

/// The icon of a kind of task; one without its own has the worker's.
pub fn kind_icon(kind: &str) -> &'static str {
    match kind {
        "checksum" => "kind-checksum",
        "import-csv" => "kind-import",
        "check-links" => "kind-links",
        _ => "worker",
    }
}
