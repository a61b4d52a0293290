//! Every address that is none.

use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use leptos_meta::Title;

use crate::base::at;

/// Says so, with status 404, and where to go from here.
#[component]
pub fn NotFound() -> impl IntoView {
    expect_context::<ResponseOptions>().set_status(http::StatusCode::NOT_FOUND);
    view! {
        <Title text="No such page" />
        <header class="page-head">
            <h1>"No such page"</h1>
            <p class="lead">"There is nothing at this address. A job that was deleted is gone with its page."</p>
            <div class="actions">
                <a class="button" href=at("/jobs")>
                    "All jobs"
                </a>
            </div>
        </header>
    }
}
