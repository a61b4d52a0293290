use engine::store::Token;
use leptos::prelude::*;
use model::{Micros, Scope};

use crate::{
    base_path::url,
    pages::{
        settings::shared::{ShownOnce, Tokens},
        shared::{Faults, Field, ServerForm},
    },
};

const LABELS: &[(&str, &str)] =
    &[("name", "Name"), ("scopes", "Permissions"), ("expires", "Ends"), ("expires_on", "Custom date")];

/// Lifetimes of a token, in days.
const LIVES: [(&str, &str); 4] = [("30", "In 30 days"), ("90", "In 90 days"), ("365", "In a year"), ("never", "Never")];

/// Scopes of a token. Nothing uses `report` yet.
const SCOPES: [(Scope, &str); 2] = [
    (Scope::Read, "View and follow jobs, download their files."),
    (Scope::Start, "Upload files; start, cancel, retry, pause and delete jobs; send messages."),
];

/// API tokens of the user, and the form to create one.
#[component]
pub(super) fn OwnTokens(tokens: Vec<Token>, now: Micros) -> impl IntoView {
    let form = ServerForm::new("make_token");
    let count = tokens.len().to_string();
    let table = (!tokens.is_empty()).then(|| view! { <Tokens tokens now revoke="revoke_token" /> });
    view! {
        <section class="card" aria-labelledby="tokens">
            <header>
                <h2 id="tokens">"API tokens"</h2>
                <span class="count-badge">{count}</span>
                <span class="hint">"for programs that act on your behalf"</span>
            </header>
            <ShownOnce form=form.clone() what="New token" />
            {table}
            <New form />
        </section>
    }
}

#[component]
fn New(form: ServerForm) -> impl IntoView {
    let name = form.field("name", LABELS[0].1, "Purpose, such as nightly import.");
    let expires = form.field("expires", LABELS[2].1, "");
    let on = form.field("expires_on", LABELS[3].1, "Valid through that day.");
    let life = form.entry("expires").unwrap_or_else(|| "90".to_owned());
    let lives = LIVES.map(|(value, word)| (value.to_owned(), word.to_owned())).to_vec();
    view! {
        <form class="body form below" method="post" action=url("/api/make_token") aria-labelledby="new-token">
            <h3 id="new-token">"New token"</h3>
            <Faults form=form.clone() not="Not created" labels=LABELS />
            <div class="fields">{name.line("text", "off", form.entry("name"))}</div>
            <div class="fields">
                {scopes(&form, form.field("scopes", LABELS[1].1, "Limited by your own role."))}
                {expires.list(lives, &life)} {on.line("date", "off", form.entry("expires_on"))}
            </div>
            <div class="actions">
                <button class="button small primary" type="submit">
                    "Create token"
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
                <span>{if scope == Scope::Read { "Read" } else { "Start" }}</span>
                <small>{allows}</small>
            </label>
        }
    };
    field.group(view! { <div class="choices">{SCOPES.into_iter().map(choice).collect::<Vec<_>>()}</div> })
}
