use engine::store::User;
use leptos::prelude::*;
use model::{Micros, Role};

use super::text;
use crate::{
    base_path::url,
    components::{Icon, Timestamp, UserName, full_name, initials},
    pages::{
        settings::shared::{ActionButton, LastUsed},
        shared::{Ask, Question, QuestionDialog},
    },
};

/// One user and the actions on them.
#[component]
pub(super) fn Row(
    person: User,
    /// Whether it is the reader.
    this: bool,
    now: Micros,
) -> impl IntoView {
    let name = person.name.to_string();
    let letters = initials(&name);
    let sign_in_name = person.display_name.is_some().then(|| view! { <small>{name.clone()}</small> });
    let state = match (person.removed_at, person.active) {
        (Some(at), _) => view! { <span class="muted">{text::REMOVED} <Timestamp at /></span> }.into_any(),
        (None, true) => text::ACTIVE.into_any(),
        (None, false) => text::INVITED.into_any(),
    };
    let here = person.removed_at.is_none();
    let role = if here {
        view! { <ChangeRole user=person.id.0 name=name.clone() role=person.role /> }.into_any()
    } else {
        view! { <span class="muted">{person.role.label()}</span> }.into_any()
    };
    let more = here.then(|| view! { <MoreActions user=person.id.0 name=name.clone() active=person.active /> });
    view! {
        <tr data-key=person.id.0.to_string()>
            <th scope="row">
                <div class="person">
                    <span class="avatar" aria-hidden="true">
                        {letters}
                    </span>
                    <span class="two">
                        <span><UserName name /> {this.then_some(text::YOU)}</span>
                        {sign_in_name}
                    </span>
                </div>
            </th>
            <td data-label=text::STATE>{state}</td>
            <td data-label=text::ROLE>{role}</td>
            <td data-label=text::LAST_SEEN class="muted nowrap">
                <LastUsed at=person.seen_at now never=text::NEVER />
            </td>
            <td class="number">{more}</td>
        </tr>
    }
}

#[component]
fn ChangeRole(user: i64, name: String, role: Role) -> impl IntoView {
    let option = |other: Role| {
        view! { <option value=other.as_str() selected=other == role>{other.label()}</option> }
    };
    view! {
        <form class="limit" method="post" action=url("/api/change_role")>
            <input type="hidden" name="user" value=user.to_string() />
            <select class="input" name="role" aria-label=text::role_of(&name)>
                {Role::ALL.into_iter().map(option).collect::<Vec<_>>()}
            </select>
            <button class="button small" type="submit">
                {text::SAVE}
                <span class="visually-hidden">{text::save_role_of(&name)}</span>
            </button>
        </form>
    }
}

/// Rare actions. The dialogs are beside the menu, which may be closed.
#[component]
fn MoreActions(user: i64, name: String, active: bool) -> impl IntoView {
    let (label, value) = (text::more_for(&name), user.to_string());
    let link = if active { text::RESET_PASSWORD } else { text::NEW_LINK };
    let question = |what: &str| Question::new(url("/settings/users"), &format!("{what}-{user}"));
    let (sign_out, remove) = (question("sign-out"), question("remove"));
    let ask = |question: &Question, class, word| {
        let object = format!(" {name}");
        view! {
            <Ask question=question.clone() class=class>
                {word}
                <span class="visually-hidden">{object}</span>
            </Ask>
        }
    };
    let dialog = |question, function, title, consequences: &str, word| {
        let (value, of, consequences) = (value.clone(), name.clone(), consequences.to_owned());
        view! {
            <QuestionDialog question title consequences>
                <ActionButton function name="user" value class="button danger primary" word of />
            </QuestionDialog>
        }
    };
    view! {
        <details class="more">
            <summary class="button square quiet small" aria-label=label.clone() title=label>
                <Icon name="more" />
            </summary>
            <div class="actions">
                <ActionButton function="reset_password" name="user" value=value.clone() class="button small" word=link of=name.clone() />
                {ask(&sign_out, "button small", text::SIGN_OUT_EVERYWHERE)}
                <a class="button small" href=url(&format!("/settings/users?rename={user}"))>
                    {text::DISPLAY_NAME}
                    <span class="visually-hidden">{text::of(&name)}</span>
                </a>
                {ask(&remove, "button small danger", text::REMOVE)}
            </div>
        </details>
        {dialog(
            sign_out,
            "end_sessions_of",
            text::confirm_sign_out(&full_name(&name)),
            text::SIGN_OUT_CONSEQUENCES,
            text::SIGN_OUT_EVERYWHERE,
        )}
        {dialog(remove, "remove_user", text::confirm_removal(&full_name(&name)), text::REMOVAL_CONSEQUENCES, text::REMOVE)}
    }
}
