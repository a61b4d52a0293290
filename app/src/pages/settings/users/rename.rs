use engine::store::{User, UserId};
use leptos::prelude::*;

use super::text;
use crate::{
    base_path::url,
    pages::shared::{Faults, ServerForm},
};

const FUNCTION: &str = "rename_user";
const LABELS: &[(&str, &str)] = &[("display_name", text::DISPLAY_NAME)];

/// The user of the form that was just refused, so that it comes back.
pub(super) fn refused() -> Option<UserId> {
    ServerForm::new(FUNCTION).entry("user")?.parse().ok().map(UserId)
}

/// Form to change the display name of a user.
#[component]
pub(super) fn Rename(person: User) -> impl IntoView {
    let form = ServerForm::new(FUNCTION);
    let typed = form.entry("display_name").or_else(|| person.display_name.map(|name| name.to_string()));
    let name = form.field("display_name", LABELS[0].1, text::DISPLAY_NAME_HELP).focused();
    view! {
        <dialog class="dialog shown" open=true aria-labelledby="rename">
            <div>
                <h2 id="rename">{text::display_name_of(&person.name)}</h2>
                <form class="form" id="rename-form" method="post" action=url("/api/rename_user")>
                    <Faults form not=text::NOT_CHANGED labels=LABELS />
                    <input type="hidden" name="user" value=person.id.0.to_string() />
                    {name.line("text", "off", typed)}
                </form>
            </div>
            <footer>
                <a class="button" href=url("/settings/users")>
                    {text::CANCEL}
                </a>
                <button class="button primary" type="submit" form="rename-form">
                    {text::SAVE}
                </button>
            </footer>
        </dialog>
    }
}
