//! What is shown in place of a page that its visitor may not see.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::base_path::url;

/// Why not, for people; a context where the page at the address is not to be shown.
#[derive(Clone, Debug)]
pub struct Forbidden(pub String);

/// Says so, and where to go from here.
#[component]
pub(crate) fn NotAllowed(reason: String) -> impl IntoView {
    view! {
        <Title text="Not allowed" />
        <header class="page-head">
            <h1>"No access"</h1>
            <p class="lead">{reason} "."</p>
            <div class="actions">
                <a class="button" href=url("/")>
                    "Overview"
                </a>
            </div>
        </header>
    }
}
