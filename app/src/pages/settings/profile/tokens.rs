use engine::store::Token;
use leptos::prelude::*;
use model::{Micros, Scope};

use super::text;
use crate::{
    base_path::url,
    pages::{
        settings::shared::{ShownOnce, Tokens},
        shared::{Faults, Field, ServerForm},
    },
};

const LABELS: &[(&str, &str)] = &[
    ("name", text::NAME),
    ("scopes", text::PERMISSIONS),
    ("expires", text::EXPIRES),
    ("expires_on", text::CUSTOM_DATE),
];

/// Lifetimes of a token, in days.
const LIFETIMES: [(&str, &str); 4] =
    [("30", text::IN_30_DAYS), ("90", text::IN_90_DAYS), ("365", text::IN_A_YEAR), ("never", text::NEVER)];

/// Scopes of a token. Nothing uses `report` yet.
const SCOPES: [(Scope, &str); 2] = [(Scope::Read, text::READ_SCOPE), (Scope::Start, text::START_SCOPE)];

/// API tokens of the user, and the form to create one.
#[component]
pub(super) fn OwnTokens(tokens: Vec<Token>, now: Micros) -> impl IntoView {
    let form = ServerForm::new("make_token");
    let count = tokens.len().to_string();
    let table = (!tokens.is_empty()).then(|| view! { <Tokens tokens now revoke="revoke_token" page="/settings" /> });
    view! {
        <section class="card" aria-labelledby="tokens">
            <header>
                <h2 id="tokens">{text::API_TOKENS}</h2>
                <span class="count-badge" data-part="token-count">
                    {count}
                </span>
                <span class="hint">{text::TOKENS_HINT}</span>
            </header>
            <ShownOnce form=form.clone() what=text::NEW_TOKEN />
            <div class="part" data-part="tokens">
                {table}
            </div>
            <New form />
        </section>
    }
}

#[component]
fn New(form: ServerForm) -> impl IntoView {
    let name = form.field("name", LABELS[0].1, text::TOKEN_NAME_HELP);
    let expires = form.field("expires", LABELS[2].1, "");
    let on = form.field("expires_on", LABELS[3].1, text::VALID_THROUGH_THAT_DAY);
    let life = form.entry("expires").unwrap_or_else(|| "90".to_owned());
    let lives = LIFETIMES.map(|(value, word)| (value.to_owned(), word.to_owned())).to_vec();
    view! {
        <form class="body form below" method="post" action=url("/api/make_token") aria-labelledby="new-token">
            <h3 id="new-token">{text::NEW_TOKEN}</h3>
            <Faults form=form.clone() not=text::NOT_CREATED labels=LABELS />
            <div class="fields">{name.line("text", "off", form.entry("name"))}</div>
            <div class="fields">
                {scopes(&form, form.field("scopes", LABELS[1].1, text::LIMITED_BY_YOUR_OWN_ROLE))}
                {expires.list(lives, &life)} {on.line("date", "off", form.entry("expires_on"))}
            </div>
            <div class="actions">
                <button class="button small primary" type="submit">
                    {text::CREATE_TOKEN}
                </button>
            </div>
        </form>
    }
}

fn scopes(form: &ServerForm, field: Field) -> AnyView {
    let refused = form.refused();
    let invalid = field.invalid();
    let choice = |(scope, allows): (Scope, &'static str)| {
        let word = scope.as_str();
        let ticked = refused.map_or(scope == Scope::Read, |sent| sent.ticked(word, "true"));
        view! {
            <label class="choice">
                <input type="checkbox" name=word value="true" checked=ticked aria-invalid=invalid />
                <span>{if scope == Scope::Read { text::READ } else { text::START }}</span>
                <small>{allows}</small>
            </label>
        }
    };
    field.group(view! { <div class="choices">{SCOPES.into_iter().map(choice).collect::<Vec<_>>()}</div> })
}
