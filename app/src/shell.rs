//! The document around every page, and which page belongs to which address.

use leptos::prelude::*;

/// The whole document.
pub fn shell(options: LeptosOptions) -> impl IntoView {
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8" />
                <AutoReload options=options.clone() />
                <HydrationScripts options islands=true />
            </head>
            <body></body>
        </html>
    }
}
