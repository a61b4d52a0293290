use leptos::prelude::*;

/// Reloads the page every five seconds in browsers without script.
#[component]
pub(crate) fn RefreshWithoutScript() -> impl IntoView {
    view! {
        <noscript>
            <meta http-equiv="refresh" content="5" />
        </noscript>
    }
}
