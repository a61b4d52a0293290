//! What is shown in place of a page that its visitor may not see.

use leptos::prelude::*;
use leptos_meta::Title;

/// Why not, for people; a context where the page at the address is not to be shown.
#[derive(Clone, Debug)]
pub struct Forbidden(pub String);

/// Says so.
#[component]
pub(crate) fn NotAllowed(reason: String) -> impl IntoView {
    view! {
        <Title text="Not allowed" />
        <header class="page-head">
            <h1>"You may not see this page"</h1>
            <p class="lead">{reason}</p>
        </header>
    }
}
