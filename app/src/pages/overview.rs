use leptos::prelude::*;
use leptos_meta::Title;

/// `Overview`.
#[component]
pub fn Overview() -> impl IntoView {
    view! {
        <Title text="Overview" />
        <header class="page-head">
            <h1>"Overview"</h1>
        </header>
    }
}
