//! Documents of the public pages: no sidebar, no script, nothing about the server but its name.

use leptos::{config::LeptosOptions, prelude::*};

use super::{PublicPage, text};
use crate::{
    base_path::{base_path, url},
    layout::{Brand, DocumentHead, document_title},
    session::Theme,
};

/// Renders a public page as a whole document.
pub fn document(options: LeptosOptions, server: &str, theme: Theme, page: PublicPage) -> String {
    let title = document_title(page.title().to_owned());
    let draw = || {
        let card = page.card(server);
        view! {
            <!DOCTYPE html>
            <html lang="en" data-theme=theme.attribute()>
                <head>
                    <DocumentHead options />
                    <title>{title}</title>
                </head>
                <body>
                    <CardPage>{card}</CardPage>
                </body>
            </html>
        }
        .to_html()
    };
    Owner::new().with(draw)
}

/// Renders the document in place of a page that was not saved. It is the same for all users; the service worker adds
/// the requested address and links to the saved pages, and `public/offline.js` leaves it when the server is back.
pub fn offline_document(options: LeptosOptions) -> String {
    let draw = || {
        view! {
            <!DOCTYPE html>
            <html lang="en" data-base=Some(base_path()).filter(|base| !base.is_empty())>
                <head>
                    <DocumentHead options />
                    <script src=url("/offline.js")></script>
                    <title>{text::OFFLINE_TITLE}</title>
                </head>
                <body>
                    <CardPage>
                        <div class="form">
                            <h1>{text::OFFLINE}</h1>
                            <p>{text::OFFLINE_HINT}</p>
                            <p class="missing">{text::NO_SAVED_COPY_OF} <code id="missing"></code></p>
                            <div class="copies">
                                <p>{text::SAVED_PAGES}</p>
                                <ul id="copies"></ul>
                            </div>
                        </div>
                    </CardPage>
                </body>
            </html>
        }
        .to_html()
    };
    Owner::new().with(draw)
}

/// The brand, one card, and a progress bar as decoration.
#[component]
fn CardPage(children: Children) -> impl IntoView {
    view! {
        <main class="sign-in" id="main">
            <Brand />
            <div class="card">{children()}</div>
            <Horizon />
            <p class="foot">{text::FOOTER}</p>
        </main>
    }
}

/// How far the decorative progress bar is filled, percent.
const HORIZON_DONE: u32 = 62;

#[component]
fn Horizon() -> impl IntoView {
    let post = |nth: u32| {
        let at = 2 + 6 * nth;
        let x = format!("{at}%");
        let foot = if nth.is_multiple_of(4) { "22" } else { "14" };
        view! { <line class=if at <= HORIZON_DONE { "done" } else { "ahead" } x1=x.clone() x2=x y1="5" y2=foot></line> }
    };
    view! {
        <svg class="horizon" height="26" aria-hidden="true" focusable="false">
            <line class="ahead" x1="0" x2="100%" y1="5" y2="5"></line>
            <line class="done" x1="0" x2=format!("{HORIZON_DONE}%") y1="5" y2="5"></line>
            {(0..17).map(post).collect::<Vec<_>>()}
        </svg>
    }
}
