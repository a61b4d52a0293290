//! Users page: accounts, roles, invites and tokens of all users.

mod add;
mod rename;
mod row;
mod text;

use engine::store::{Token, User, UserId};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use model::{Micros, Role};

use self::{add::Add, rename::Rename, row::Row};
use super::{
    Section, Settings,
    shared::{ShownOnce, Tokens},
};
use crate::{
    context::app,
    pages::shared::{ServerForm, from_store},
};

/// `/settings/users`; `?rename=USER` shows the form of the display name.
#[component]
pub fn Users() -> impl IntoView {
    let query = use_query_map().read_untracked().clone();
    let asked = query.get("rename").and_then(|user| user.parse().ok()).map(UserId);
    let rename = asked.or_else(rename::refused);
    let cards = move |(people, tokens)| view! { <Cards people tokens rename /> };
    view! { <Settings section=Section::Users>{from_store(read(), cards)}</Settings> }
}

/// Returns the users, removed ones last, and their tokens.
async fn read() -> engine::Result<(Vec<User>, Vec<Token>)> {
    let engine = app().engine;
    let (mut people, tokens) = tokio::try_join!(engine.users(), engine.tokens())?;
    people.sort_by_key(|person| person.removed_at.is_some());
    Ok((people, tokens))
}

#[component]
fn Cards(people: Vec<User>, tokens: Vec<Token>, #[prop(optional_no_strip)] rename: Option<UserId>) -> impl IntoView {
    let now = app().engine.now();
    let here = people.iter().filter(|person| person.removed_at.is_none()).count().to_string();
    let renamed = people.iter().find(|person| Some(person.id) == rename && person.removed_at.is_none()).cloned();
    let link = |function: &'static str| {
        let form = ServerForm::new(function);
        view! { <ShownOnce form what=text::LINK /> }
    };
    view! {
        {renamed.map(|person| view! { <Rename person /> })}
        <section class="card" aria-labelledby="users">
            <header>
                <h2 id="users">{text::USERS}</h2>
                <span class="count-badge" data-part="users">
                    {here}
                </span>
            </header>
            {link("add_user")} {link("reset_password")}
            <Table people now />
            <Add />
            <footer>{Role::ALL.map(|role| format!("{}s {} ", role.label(), role_description(role))).concat()}</footer>
        </section>
        <TokensOfAll tokens now />
    }
}

#[component]
fn Table(people: Vec<User>, now: Micros) -> impl IntoView {
    let own = app().engine.actor().principal().map(|who| who.user);
    let row = |person: User| {
        let this = Some(person.id) == own;
        view! { <Row person this now /> }
    };
    view! {
        <table class="table stacking people" data-part="people">
            <thead>
                <tr>
                    <th scope="col">{text::NAME}</th>
                    <th scope="col">{text::STATE}</th>
                    <th scope="col">{text::ROLE}</th>
                    <th scope="col">{text::LAST_SEEN}</th>
                    <th scope="col">
                        <span class="visually-hidden">{text::ACTIONS}</span>
                    </th>
                </tr>
            </thead>
            <tbody>{people.into_iter().map(row).collect::<Vec<_>>()}</tbody>
        </table>
    }
}

#[component]
fn TokensOfAll(tokens: Vec<Token>, now: Micros) -> impl IntoView {
    let count = tokens.len().to_string();
    let table = if tokens.is_empty() {
        view! { <p class="body">{text::NO_TOKENS}</p> }.into_any()
    } else {
        view! { <Tokens tokens now revoke="revoke_token_of" page="/settings/users" of_all=true /> }.into_any()
    };
    view! {
        <section class="card" aria-labelledby="all-tokens" data-part="tokens">
            <header>
                <h2 id="all-tokens">{text::ALL_API_TOKENS}</h2>
                <span class="count-badge">{count}</span>
            </header>
            {table}
        </section>
    }
}

const fn role_description(role: Role) -> &'static str {
    match role {
        Role::Viewer => text::VIEWERS_CAN,
        Role::Operator => text::OPERATORS_CAN,
        Role::Administrator => text::ADMINISTRATORS_CAN,
    }
}

/// The choices of a list of roles.
fn roles() -> Vec<(String, String)> {
    Role::ALL.map(|role| (role.as_str().to_owned(), role.label().to_owned())).to_vec()
}
