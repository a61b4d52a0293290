//! The document around the pages outside, for whoever has not signed in.

use leptos::{config::LeptosOptions, prelude::*};

use super::{Brand, Head, title};
use crate::{pages::outside::Outside, theme::Theme};

/// Up to here the road is done, per cent.
const DONE: u32 = 62;

/// The whole document. It runs no script and reads nothing: all it tells of the server is what that is called.
pub fn outside(options: LeptosOptions, server: &str, theme: Theme, page: Outside) -> String {
    let title = title(page.title().to_owned());
    let draw = || {
        let card = page.card(server);
        view! {
            <!DOCTYPE html>
            <html lang="en" data-theme=theme.attribute()>
                <head>
                    <Head options />
                    <title>{title}</title>
                </head>
                <body>
                    <Room>{card}</Room>
                </body>
            </html>
        }
        .to_html()
    };
    Owner::new().with(draw)
}

/// All that such a page shows: the name, a card, and a road below.
#[component]
pub(super) fn Room(children: Children) -> impl IntoView {
    view! {
        <main class="sign-in" id="main">
            <Brand />
            <div class="card">{children()}</div>
            <Horizon />
            <p class="foot">"Milepost · one program, one file"</p>
        </main>
    }
}

/// A road with its posts, some of the way done.
#[component]
fn Horizon() -> impl IntoView {
    let post = |nth: u32| {
        let at = 2 + 6 * nth;
        let x = format!("{at}%");
        let foot = if nth.is_multiple_of(4) { "22" } else { "14" };
        view! { <line class=if at <= DONE { "done" } else { "ahead" } x1=x.clone() x2=x y1="5" y2=foot></line> }
    };
    view! {
        <svg class="horizon" height="26" aria-hidden="true" focusable="false">
            <line class="ahead" x1="0" x2="100%" y1="5" y2="5"></line>
            <line class="done" x1="0" x2=format!("{DONE}%") y1="5" y2="5"></line>
            {(0..17).map(post).collect::<Vec<_>>()}
        </svg>
    }
}
