use engine::store::User;
use leptos::prelude::*;

use crate::{base_path::url, pages::settings::shared::Act};

/// Confirmation before a user is removed.
#[component]
pub(super) fn ConfirmRemoval(person: User) -> impl IntoView {
    let name = person.name.to_string();
    view! {
        <dialog class="dialog shown" open=true aria-labelledby="remove-question">
            <div>
                <h2 id="remove-question">{format!("Remove {name}?")}</h2>
                <p>
                    "Sessions, invites and tokens are revoked. Jobs and audit log are kept. The name cannot be reused."
                </p>
            </div>
            <footer>
                <a class="button" href=url("/settings/users") autofocus=true>
                    "Cancel"
                </a>
                <Act
                    function="remove_user"
                    name="user"
                    value=person.id.0.to_string()
                    class="button danger primary"
                    word="Remove"
                    of=name
                />
            </footer>
        </dialog>
    }
}
