use leptos::prelude::*;

use crate::{base::at, ui::Icon};

/// The top of a page about many jobs: its name, and the way to a new one.
#[component]
pub(super) fn Head(name: &'static str) -> impl IntoView {
    view! {
        <header class="page-head">
            <h1>{name}</h1>
            <div class="actions">
                <a class="button primary" href=at("/new")>
                    <Icon name="plus" />
                    "New job"
                </a>
            </div>
        </header>
    }
}
