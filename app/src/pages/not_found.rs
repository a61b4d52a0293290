//! Page not found.

use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use leptos_meta::Title;

use super::text;
use crate::base_path::url;

/// Answers with status 404.
#[component]
pub fn NotFound() -> impl IntoView {
    expect_context::<ResponseOptions>().set_status(http::StatusCode::NOT_FOUND);
    view! {
        <Title text=text::PAGE_NOT_FOUND />
        <header class="page-head" data-not-found="">
            <h1>{text::PAGE_NOT_FOUND}</h1>
            <p class="lead">{text::PAGE_NOT_FOUND_HINT}</p>
            <div class="actions">
                <a class="button" href=url("/jobs")>
                    {text::ALL_JOBS}
                </a>
            </div>
        </header>
    }
}
