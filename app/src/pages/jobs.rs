use leptos::prelude::*;
use leptos_meta::Title;

/// `Jobs`.
#[component]
pub fn Jobs() -> impl IntoView {
    view! {
        <Title text="Jobs" />
        <header class="page-head">
            <h1>"Jobs"</h1>
        </header>
    }
}
