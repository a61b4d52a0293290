//! Database unreadable: shown in place of every page.

use leptos::{config::LeptosOptions, prelude::*};

use super::text;
use crate::layout::DocumentHead;

/// A whole document: the layout needs the database too.
#[component]
pub(crate) fn DatabaseUnreadable(options: LeptosOptions) -> impl IntoView {
    view! {
        <html lang="en">
            <head>
                <DocumentHead options />
                <title>{text::DATABASE_UNREADABLE}</title>
            </head>
            <body>
                <main id="main">
                    <header class="page-head">
                        <h1>{text::DATABASE_UNREADABLE}</h1>
                        <p class="lead">{text::DATABASE_UNREADABLE_HINT}</p>
                    </header>
                </main>
            </body>
        </html>
    }
}
