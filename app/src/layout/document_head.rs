//! Document head: what the `<head>` of every page begins with.

use leptos::{config::LeptosOptions, prelude::*};

use super::text;
use crate::{base_path::url, components::escape_rcdata};

#[component]
pub(crate) fn DocumentHead(options: LeptosOptions) -> impl IntoView {
    let style = url(&format!("/{}/{}.css", options.site_pkg_dir, options.output_name));
    view! {
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover" />
        <meta name="color-scheme" content="light dark" />
        <link rel="icon" href=url("/mark.svg") type="image/svg+xml" />
        <link rel="stylesheet" href=style />
    }
}

/// Returns the text of `<title>`, which `leptos_meta` writes without escaping.
pub(crate) fn document_title(page: String) -> String {
    text::document_title(&escape_rcdata(&page))
}
