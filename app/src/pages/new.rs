//! Starting a job.

use leptos::prelude::*;
use leptos_meta::Title;

/// `/new`: which task.
#[component]
pub fn Catalogue() -> impl IntoView {
    view! {
        <Title text="New job" />
        <header class="page-head">
            <h1>"New job"</h1>
        </header>
    }
}

/// `/new/:kind`: with which input.
#[component]
pub fn NewJob() -> impl IntoView {
    view! { <Catalogue /> }
}
