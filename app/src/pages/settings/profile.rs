//! Profile page: the user's own display name, password, sessions, tokens and time zone.

mod display_name;
mod form_card;
mod password;
mod sessions;
mod text;
mod time_zone;
mod tokens;

use engine::store::{SessionInfo, Token, User};
use leptos::prelude::*;

use self::{display_name::DisplayName, password::Password, sessions::Sessions, time_zone::Zone, tokens::OwnTokens};
use super::{Section, Settings};
use crate::{
    base_path::url,
    components::{Icon, UserName},
    context::app,
    pages::shared::from_store,
};

struct Account {
    person: User,
    sessions: Vec<SessionInfo>,
    tokens: Vec<Token>,
}

/// `/settings`.
#[component]
pub fn Profile() -> impl IntoView {
    view! {
        <Settings section=Section::Profile>{from_store(read(), |account| view! { <Cards account /> })}</Settings>
    }
}

async fn read() -> engine::Result<Account> {
    let app = app();
    let user = app.engine.own()?;
    let person = app.auth.and_then(|auth| auth.accounts().user(user).cloned());
    let person = person.ok_or(engine::access::Denied::SignIn)?;
    let (sessions, tokens) = tokio::try_join!(app.engine.own_sessions(), app.engine.own_tokens())?;
    Ok(Account { person, sessions, tokens })
}

#[component]
fn Cards(account: Account) -> impl IntoView {
    let Account { person, sessions, tokens } = account;
    let name = person.name.to_string();
    let sign_in_name = person.display_name.is_some().then(|| format!("{name}, "));
    let now = app().engine.now();
    view! {
        <section class="card" aria-labelledby="account">
            <header>
                <h2 id="account">
                    <UserName name=name.clone() />
                </h2>
                <span class="hint">{sign_in_name} {person.role.label()}</span>
                <form class="actions" method="post" action=url("/api/sign_out")>
                    <button class="button small" type="submit">
                        <Icon name="signout" />
                        {text::SIGN_OUT}
                    </button>
                </form>
            </header>
        </section>
        <DisplayName current=person.display_name />
        <Password name />
        <Sessions sessions now />
        <OwnTokens tokens now />
        <Zone chosen=person.time_zone />
    }
}
