use engine::store::User;
use leptos::prelude::*;

use super::text;
use crate::{base_path::url, components::full_name, pages::settings::shared::ActionButton};

/// Confirmation before a user is removed.
#[component]
pub(super) fn ConfirmRemoval(person: User) -> impl IntoView {
    let name = full_name(&person.name);
    view! {
        <dialog class="dialog shown" open=true aria-labelledby="remove-question">
            <div>
                <h2 id="remove-question">{text::confirm_removal(&name)}</h2>
                <p>
                    {text::REMOVAL_CONSEQUENCES}
                </p>
            </div>
            <footer>
                <a class="button" href=url("/settings/users") autofocus=true>
                    {text::CANCEL}
                </a>
                <ActionButton
                    function="remove_user"
                    name="user"
                    value=person.id.0.to_string()
                    class="button danger primary"
                    word=text::REMOVE
                    of=name
                />
            </footer>
        </dialog>
    }
}
