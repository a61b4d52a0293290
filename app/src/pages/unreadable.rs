//! Database unreadable: shown in place of every page.

use leptos::{config::LeptosOptions, prelude::*};

use crate::layout::DocumentHead;

/// A whole document: the layout needs the database too.
#[component]
pub(crate) fn DatabaseUnreadable(options: LeptosOptions) -> impl IntoView {
    view! {
        <html lang="en">
            <head>
                <DocumentHead options />
                <title>"Milepost cannot read its database"</title>
            </head>
            <body>
                <main id="main">
                    <header class="page-head">
                        <h1>"Milepost cannot read its database"</h1>
                        <p class="lead">"Nothing on this page can be shown. The server log has the details."</p>
                    </header>
                </main>
            </body>
        </html>
    }
}
