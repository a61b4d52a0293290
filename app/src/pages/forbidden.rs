//! No access: shown in place of a page that the user may not see.

use leptos::prelude::*;
use leptos_meta::Title;

use super::text;
use crate::base_path::url;

/// The reason; a context of a page that is not to be shown.
#[derive(Clone, Debug)]
pub struct Forbidden(pub String);

#[component]
pub(crate) fn NotAllowed(reason: String) -> impl IntoView {
    view! {
        <Title text=text::NOT_ALLOWED />
        <header class="page-head">
            <h1>{text::NO_ACCESS}</h1>
            <p class="lead">{reason} "."</p>
            <div class="actions">
                <a class="button" href=url("/")>
                    {text::OVERVIEW}
                </a>
            </div>
        </header>
    }
}
