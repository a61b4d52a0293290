use leptos::prelude::*;
use leptos_meta::Title;

/// `Job`.
#[component]
pub fn JobPage() -> impl IntoView {
    view! {
        <Title text="Job" />
        <header class="page-head">
            <h1>"Job"</h1>
        </header>
    }
}
