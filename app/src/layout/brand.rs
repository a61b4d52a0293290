use leptos::prelude::*;

use crate::base_path::url;

/// Logo and name, linked to the overview.
#[component]
pub(crate) fn Brand() -> impl IntoView {
    view! {
        <a class="brand" href=url("/")>
            <svg class="mark" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
                <path class="ahead" d="M12 6.5h6.5a1.5 1.5 0 0 1 1.5 1.5v10"></path>
                <path d="M4 18V8a1.5 1.5 0 0 1 1.5-1.5H12V18"></path>
            </svg>
            <span>"Milepost"</span>
        </a>
    }
}
