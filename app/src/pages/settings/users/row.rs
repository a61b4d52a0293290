use engine::store::User;
use leptos::prelude::*;
use model::{Micros, Role};

use crate::{
    base_path::url,
    components::{Icon, Timestamp},
    pages::settings::shared::{Act, Used},
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
    let initials: String = name.chars().filter(|letter| letter.is_alphanumeric()).take(2).collect();
    let state = match (person.removed_at, person.active) {
        (Some(at), _) => view! { <span class="muted">"Removed " <Timestamp at /></span> }.into_any(),
        (None, true) => "Active".into_any(),
        (None, false) => "Invited".into_any(),
    };
    let here = person.removed_at.is_none();
    let role = if here {
        view! { <ChangeRole user=person.id.0 name=name.clone() role=person.role /> }.into_any()
    } else {
        view! { <span class="muted">{person.role.label()}</span> }.into_any()
    };
    let more = here.then(|| view! { <More user=person.id.0 name=name.clone() active=person.active /> });
    view! {
        <tr>
            <th scope="row">
                <div class="person">
                    <span class="avatar" aria-hidden="true">
                        {initials.to_uppercase()}
                    </span>
                    <span>{name} {this.then_some(" (you)")}</span>
                </div>
            </th>
            <td data-label="State">{state}</td>
            <td data-label="Role">{role}</td>
            <td data-label="Last seen" class="muted nowrap">
                <Used at=person.seen_at now never="never" />
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
            <select class="input" name="role" aria-label=format!("Role of {name}")>
                {Role::ALL.into_iter().map(option).collect::<Vec<_>>()}
            </select>
            <button class="button small" type="submit">
                "Save"
                <span class="visually-hidden">{format!(" the role of {name}")}</span>
            </button>
        </form>
    }
}

/// Rare actions.
#[component]
fn More(user: i64, name: String, active: bool) -> impl IntoView {
    let (label, value) = (format!("More for {name}"), user.to_string());
    let link = if active { "Reset password" } else { "New link" };
    view! {
        <details class="more">
            <summary class="button square quiet small" aria-label=label.clone() title=label>
                <Icon name="more" />
            </summary>
            <div class="actions">
                <Act function="reset_password" name="user" value=value.clone() class="button small" word=link of=name.clone() />
                <Act
                    function="end_sessions_of"
                    name="user"
                    value
                    class="button small"
                    word="Sign out everywhere"
                    of=name.clone()
                />
                <a class="button small danger" href=url(&format!("/settings/users?remove={user}"))>
                    "Remove"
                    <span class="visually-hidden">{format!(" {name}")}</span>
                </a>
            </div>
        </details>
    }
}
