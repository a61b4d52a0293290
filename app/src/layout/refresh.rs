use leptos::prelude::*;

/// Makes a page that shows something moving load itself again, in browsers that run no script.
#[component]
pub(crate) fn RefreshWithoutScript() -> impl IntoView {
    view! {
        <noscript>
            <meta http-equiv="refresh" content="5" />
        </noscript>
    }
}
