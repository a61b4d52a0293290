//! What is said while the server is away: on a page that is still open or was kept, and in place of any other.

use leptos::{config::LeptosOptions, prelude::*};
use model::Micros;

use super::{Head, outside::Room};
use crate::{
    base::{at, base},
    ui::{Icon, When},
};

/// The banner, which the style sheet shows on a document with `data-kept` (the browser's worker has answered with a copy)
/// or `data-lost` (the open page has lost the server); [`AwayNotice`](crate::islands::AwayNotice) does the rest.
#[component]
pub(super) fn Away(now: Micros) -> impl IntoView {
    view! {
        <section class="away" aria-label="Connection">
            <div class="banner warn" role="status">
                <Icon name="offline" />
                <p>
                    <b class="if-kept">"Server unreachable. Showing a saved copy from "</b>
                    <b class="if-lost">"Connection lost at "</b>
                    <When at=now />
                    // Not announced: it changes every second.
                    <span class="age" aria-hidden="true"></span>
                    <span class="if-kept">"."</span>
                    <span class="if-lost">". Showing the last known state."</span>
                </p>
                <p class="unsent" hidden=true>
                    "Not sent. Try again when the server is back."
                </p>
            </div>
        </section>
    }
}

/// The whole document in place of a page that was not kept. It names nobody and nothing; `public/away.js` adds the links
/// to the copies there are, and `public/back.js` leaves it when the server answers again.
pub fn away(options: LeptosOptions) -> String {
    let draw = || {
        view! {
            <!DOCTYPE html>
            <html lang="en" data-base=Some(base()).filter(|base| !base.is_empty())>
                <head>
                    <Head options />
                    <script src=at("/back.js")></script>
                    <title>"The server cannot be reached · Milepost"</title>
                </head>
                <body>
                    <Room>
                        <div class="form">
                            <h1>"The server cannot be reached"</h1>
                            <p>"This page will load when the server is back."</p>
                            <div class="copies">
                                <p>"Saved pages:"</p>
                                <div class="actions" id="copies"></div>
                            </div>
                        </div>
                    </Room>
                </body>
            </html>
        }
        .to_html()
    };
    Owner::new().with(draw)
}
