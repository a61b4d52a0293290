use std::fmt::Write as _;

use engine::store::SessionInfo;
use leptos::prelude::*;
use model::Micros;

use super::text;
use crate::{
    base_path::url,
    components::Timestamp,
    context::app,
    pages::{
        settings::shared::{ActionButton, LastUsed},
        shared::{Ask, Question, QuestionDialog},
    },
};

/// Bytes of a session's key that identify it.
const KEY_PREFIX_BYTES: usize = 8;

/// Sessions of the user.
#[component]
pub(super) fn Sessions(sessions: Vec<SessionInfo>, now: Micros) -> impl IntoView {
    let here = app().session;
    let others = sessions.iter().any(|session| Some(&session.key) != here.as_ref());
    let count = sessions.len().to_string();
    let row = |session: SessionInfo| {
        let this = Some(&session.key) == here.as_ref();
        view! { <Row session this now /> }
    };
    let rows: Vec<_> = sessions.into_iter().map(row).collect();
    view! {
        <section class="card" aria-labelledby="sessions" data-part="sessions">
            <header>
                <h2 id="sessions">{text::SESSIONS}</h2>
                <span class="count-badge">{count}</span>
            </header>
            <table class="table stacking">
                <thead>
                    <tr>
                        <th scope="col">{text::DEVICE}</th>
                        <th scope="col">{text::SINCE}</th>
                        <th scope="col">{text::LAST_USED}</th>
                        <th scope="col">
                            <span class="visually-hidden">{text::ACTIONS}</span>
                        </th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
            {others
                .then(|| {
                    view! {
                        <footer>
                            <span>{text::SIGN_OUT_HINT}</span>
                            <SignOutElsewhere />
                        </footer>
                    }
                })}
        </section>
    }
}

#[component]
fn SignOutElsewhere() -> impl IntoView {
    let question = Question::new(url("/settings"), &"sign-out");
    let title = text::CONFIRM_SIGN_OUT.to_owned();
    let consequences = text::SIGN_OUT_CONSEQUENCES.to_owned();
    view! {
        <div class="actions">
            <Ask question=question.clone() class="button small danger">
                {text::SIGN_OUT_EVERYWHERE_ELSE}
            </Ask>
        </div>
        <QuestionDialog question title consequences>
            <form method="post" action=url("/api/end_other_sessions")>
                <button class="button danger primary" type="submit">
                    {text::SIGN_OUT_EVERYWHERE_ELSE}
                </button>
            </form>
        </QuestionDialog>
    }
}

#[component]
fn Row(session: SessionInfo, this: bool, now: Micros) -> impl IntoView {
    let device = session.device.clone();
    let key = beginning(&session.key);
    let end = (!this).then(|| {
        let value = key.clone();
        view! { <ActionButton function="end_session" name="session" value class="button small" word=text::END of=device /> }
    });
    view! {
        <tr data-key=key>
            <th scope="row">
                <span class="two">
                    <span>{session.device}</span>
                    {this.then(|| view! { <small>{text::THIS_DEVICE}</small> })}
                </span>
            </th>
            <td data-label=text::SINCE class="nowrap">
                <Timestamp at=session.since />
            </td>
            <td data-label=text::LAST_USED class="muted nowrap">
                <LastUsed at=Some(session.used) now never="" />
            </td>
            <td class="number">{end}</td>
        </tr>
    }
}

/// The identifying bytes in hexadecimal digits.
fn beginning(key: &[u8]) -> String {
    key.iter().take(KEY_PREFIX_BYTES).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
