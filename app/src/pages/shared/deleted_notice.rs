//! Notice of what is deleted while its page is open.

use leptos::prelude::*;

use super::text;
use crate::{base_path::url, components::Icon};

/// Shown by script once the page is not found any more.
#[component]
pub(in crate::pages) fn DeletedNotice(
    /// What happened.
    head: &'static str,
    /// The address and name of the list of the others.
    list: (&'static str, &'static str),
) -> impl IntoView {
    let (path, name) = list;
    view! {
        <section class="notice warn" role="alert" data-deleted="" hidden=true>
            <Icon name="trash" />
            <div class="stack-tight">
                <h2>{head}</h2>
                <p>
                    {text::LAST_KNOWN_STATE} <a href=url(path)>{name}</a>
                </p>
            </div>
        </section>
    }
}
