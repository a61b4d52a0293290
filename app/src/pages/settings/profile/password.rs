use leptos::prelude::*;

use super::{form_card::FormCard, text};
use crate::pages::shared::ServerForm;

const FUNCTION: &str = "change_password";
const LABELS: &[(&str, &str)] =
    &[("old", text::CURRENT_PASSWORD), ("new", text::NEW_PASSWORD), ("again", text::CONFIRM_PASSWORD)];

/// Form to change the password.
#[component]
pub(super) fn Password(
    /// The user name, for password managers.
    name: String,
) -> impl IntoView {
    let form = ServerForm::new(FUNCTION);
    let old = form.field("old", LABELS[0].1, "");
    let new = form.field("new", LABELS[1].1, text::PASSWORD_HELP);
    let again = form.field("again", LABELS[2].1, "");
    view! {
        <FormCard id="password" title=text::PASSWORD function=FUNCTION form labels=LABELS not=text::NOT_CHANGED save=text::CHANGE_PASSWORD hint=text::PASSWORD_HINT>
            <input type="text" name="user" value=name autocomplete="username" readonly=true hidden=true />
            <div class="fields">{old.line("password", "current-password", None)}</div>
            <div class="fields">
                {new.line("password", "new-password", None)} {again.line("password", "new-password", None)}
            </div>
        </FormCard>
    }
}
