use engine::access::Action;
use leptos::prelude::*;

use super::text;
use crate::{base_path::url, components::Icon, context::app};

/// Header of a list page: its name, and a link to a new job.
#[component]
pub(in crate::pages) fn ListHeader(name: &'static str) -> impl IntoView {
    view! {
        <header class="page-head">
            <h1>{name}</h1>
            {app().engine.can(Action::Start).then(new_job)}
        </header>
    }
}

fn new_job() -> impl IntoView {
    view! {
        <div class="actions">
            <a class="button primary" href=url("/new")>
                <Icon name="plus" />
                {text::NEW_JOB}
            </a>
        </div>
    }
}
