//! Parts that several sections share.

use engine::store::Token;
use leptos::prelude::*;
use model::{Micros, Scope};

use super::text;
use crate::{
    base_path::url,
    components::{Icon, Timestamp, UserName},
    enhance::CopyButtons,
    pages::shared::{Ask, Question, QuestionDialog, ServerForm},
};

/// Microseconds.
const MINUTE: i64 = 60_000_000;
/// Days before its end from which a token is highlighted.
const SOON_DAYS: i64 = 7;

/// A token or link, shown only in the response to the form that created it.
#[component]
pub(super) fn ShownOnce(
    form: ServerForm,
    /// Its name, for screen readers.
    what: &'static str,
) -> impl IntoView {
    let done = form.sent()?.outcome.as_ref().ok()?.clone();
    let secret = done.secret?;
    Some(view! {
        <div class="body">
            <div class="notice good" role="status" tabindex="-1" autofocus=true>
                <Icon name="key" />
                <div class="stack-tight">
                    <h3>{done.message}</h3>
                    <div class="with-unit">
                        <input class="input mono" id="told" readonly=true aria-label=what value=secret />
                        <button class="button" type="button" data-copies="told" hidden=true>
                            <Icon name="copy" />
                            {text::COPY}
                        </button>
                        <span class="visually-hidden" role="status"></span>
                    </div>
                </div>
            </div>
        </div>
        <CopyButtons />
    })
}

/// A form that is one button.
#[component]
pub(super) fn ActionButton(
    /// The server function.
    function: &'static str,
    /// Its only argument.
    name: &'static str,
    value: String,
    class: &'static str,
    word: &'static str,
    /// The object of the action, for screen readers.
    of: String,
) -> impl IntoView {
    view! {
        <form method="post" action=url(&format!("/api/{function}"))>
            <input type="hidden" name=name value=value />
            <button class=class type="submit">
                {word}
                <span class="visually-hidden">{format!(" {of}")}</span>
            </button>
        </form>
    }
}

/// A button whose action cannot be undone: it asks first.
#[component]
pub(super) fn AskingButton(
    question: Question,
    /// The server function.
    function: &'static str,
    /// Its only argument.
    name: &'static str,
    value: String,
    word: &'static str,
    /// The object of the action, for screen readers.
    of: String,
    title: String,
    consequences: &'static str,
) -> impl IntoView {
    let object = format!(" {of}");
    view! {
        <Ask question=question.clone() class="button small danger">
            {word}
            <span class="visually-hidden">{object}</span>
        </Ask>
        <QuestionDialog question title consequences=consequences.to_owned()>
            <ActionButton function name value class="button danger primary" word of />
        </QuestionDialog>
    }
}

/// When something was last used, to the minute.
#[component]
pub(super) fn LastUsed(at: Option<Micros>, now: Micros, never: &'static str) -> impl IntoView {
    match at.map(|at| (at, (now.0 - at.0) / MINUTE)) {
        None => never.into_any(),
        Some((_, ..2)) => text::JUST_NOW.into_any(),
        Some((_, minutes @ 2..60)) => text::minutes_ago(&minutes).into_any(),
        Some((_, minutes @ 60..1_440)) => text::hours_ago(&(minutes / 60)).into_any(),
        Some((at, _)) => view! { <Timestamp at /> }.into_any(),
    }
}

/// A table of tokens, with their owners if they are those of all users.
#[component]
pub(super) fn Tokens(
    tokens: Vec<Token>,
    now: Micros,
    /// The server function that revokes one.
    revoke: &'static str,
    /// The page of the table.
    page: &'static str,
    #[prop(optional)] of_all: bool,
) -> impl IntoView {
    let row = |token: Token| {
        let (id, name) = (token.id.0.to_string(), token.name.to_string());
        let question = Question::new(url(page), &format!("revoke-{id}"));
        let title = text::confirm_revoke(&name);
        view! {
            <tr data-key=token.id.0.to_string()>
                <th scope="row">
                    <span class="two">
                        <span>{name.clone()}</span>
                        <small>
                            <code>{format!("{}…", token.hint)}</code>
                        </small>
                    </span>
                </th>
                {of_all
                    .then(|| {
                        view! {
                            <td data-label=text::USER class="owner">
                                <UserName name=token.user_name.to_string() />
                            </td>
                        }
                    })}
                <td data-label=text::PERMISSIONS>{scope_list(&token.scopes)}</td>
                <td data-label=text::LAST_USED class="muted nowrap">
                    <LastUsed at=token.used_at now never=text::NEVER />
                </td>
                <td data-label=text::EXPIRES class="nowrap">
                    <Expiry at=token.expires now />
                </td>
                <td class="number">
                    <AskingButton
                        question
                        function=revoke
                        name="id"
                        value=id
                        word=text::REVOKE
                        of=name
                        title
                        consequences=text::REVOKE_CONSEQUENCES
                    />
                </td>
            </tr>
        }
    };
    view! {
        <table class="table stacking">
            <thead>
                <tr>
                    <th scope="col">{text::TOKEN}</th>
                    {of_all.then(|| view! { <th scope="col">{text::USER}</th> })}
                    <th scope="col">{text::PERMISSIONS}</th>
                    <th scope="col">{text::LAST_USED}</th>
                    <th scope="col">{text::EXPIRES}</th>
                    <th scope="col">
                        <span class="visually-hidden">{text::ACTIONS}</span>
                    </th>
                </tr>
            </thead>
            <tbody>{tokens.into_iter().map(row).collect::<Vec<_>>()}</tbody>
        </table>
    }
}

#[component]
fn Expiry(at: Option<Micros>, now: Micros) -> impl IntoView {
    let Some(at) = at else { return text::NEVER_ENDS.into_any() };
    match (at.0 - now.0).div_euclid(24 * 60 * MINUTE) {
        ..0 => view! { <span class="slow">{text::ENDED}</span> }.into_any(),
        0 => view! { <span class="slow">{text::WITHIN_A_DAY}</span> }.into_any(),
        1 => view! { <span class="slow">{text::IN_1_DAY}</span> }.into_any(),
        days @ 2..SOON_DAYS => view! { <span class="slow">{text::in_days(&days)}</span> }.into_any(),
        _ => view! { <Timestamp at /> }.into_any(),
    }
}

/// `Read, start`.
fn scope_list(scopes: &[Scope]) -> String {
    let words: Vec<_> = scopes.iter().copied().map(Scope::as_str).collect();
    let text = words.join(", ");
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
