//! Messages page: the messages to the user, and the form to send one.

mod form;
mod text;

use engine::{access::Action, store::MessagePage};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{hooks::use_query_map, params::ParamsMap};
use model::Seq;

use self::form::SendForm;
use super::shared::from_store;
use crate::{base_path::url, components::MessageRow, context::app};

/// Messages on one page.
const PAGE: u32 = 50;

/// `/messages`; `?before=NUMBER` shows older ones, `?to=job&job=NUMBER` fills in the recipient.
#[component]
pub fn Messages() -> impl IntoView {
    let query = use_query_map().read_untracked().clone();
    let before = query.get("before").and_then(|number| number.parse().ok()).map(Seq);
    let sends = app().engine.can(Action::Write);
    view! {
        <Title text=text::MESSAGES />
        <header class="page-head">
            <h1>{text::MESSAGES}</h1>
        </header>
        <div class="split">
            <div class="stack">
                {from_store(
                    async move { app().engine.messages(before, PAGE).await },
                    move |page| view! { <List page newest=before.is_none() /> },
                )}
            </div>
            {sends.then(|| view! { <div class="stack"><SendForm query /></div> })}
        </div>
    }
}

#[component]
fn List(
    page: MessagePage,
    /// Whether it is the first page.
    newest: bool,
) -> impl IntoView {
    let reader = app().engine.attribution().name.to_string();
    let older = page.messages.last().map(|message| message.number).filter(|_| page.older);
    let empty = page.messages.is_empty();
    let row = move |message| view! { <MessageRow message reader=reader.clone() /> };
    view! {
        <section class="card" aria-labelledby="messages">
            <header>
                <h2 id="messages">{text::FOR_YOU}</h2>
                <span class="hint">{text::MESSAGES_HINT}</span>
            </header>
            <div data-part="messages">
                {empty
                    .then(|| {
                        view! {
                            <div class="empty">
                                <h3>{text::NO_MESSAGES}</h3>
                                <p>{text::NO_MESSAGES_HINT}</p>
                            </div>
                        }
                    })}
                {(!empty)
                    .then(|| view! { <ol class="messages">{page.messages.into_iter().map(row).collect::<Vec<_>>()}</ol> })}
            </div>
            <Pager newest older />
        </section>
    }
}

#[component]
fn Pager(newest: bool, older: Option<Seq>) -> impl IntoView {
    if newest && older.is_none() {
        return None;
    }
    let step = |query: ParamsMap, name: &'static str| {
        view! {
            <a class="button small" href=url(&format!("/messages{}", query.to_query_string()))>
                {name}
            </a>
        }
    };
    let older = older.map(|number| {
        let mut query = ParamsMap::new();
        query.insert("before", number.0.to_string());
        step(query, text::OLDER)
    });
    let newest = (!newest).then(|| step(ParamsMap::new(), text::NEWEST));
    Some(view! {
        <footer>
            <nav class="pager" aria-label=text::PAGES>
                <span class="actions">{newest} {older}</span>
            </nav>
        </footer>
    })
}
