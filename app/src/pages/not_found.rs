//! Page not found.

use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use leptos_meta::Title;

use crate::base_path::url;

/// Answers with status 404.
#[component]
pub fn NotFound() -> impl IntoView {
    expect_context::<ResponseOptions>().set_status(http::StatusCode::NOT_FOUND);
    view! {
        <Title text="Page not found" />
        <header class="page-head">
            <h1>"Page not found"</h1>
            <p class="lead">"The page does not exist, or the job was deleted."</p>
            <div class="actions">
                <a class="button" href=url("/jobs")>
                    "All jobs"
                </a>
            </div>
        </header>
    }
}
