use leptos::prelude::*;

use super::text;
use crate::{
    base_path::url,
    pages::shared::{Faults, ServerForm},
};

const LABELS: &[(&str, &str)] =
    &[("old", text::CURRENT_PASSWORD), ("new", text::NEW_PASSWORD), ("again", text::CONFIRM_PASSWORD)];

/// Form to change the password.
#[component]
pub(super) fn Password(
    /// The user name, for password managers.
    name: String,
) -> impl IntoView {
    let form = ServerForm::new("change_password");
    let old = form.field("old", LABELS[0].1, "");
    let new = form.field("new", LABELS[1].1, text::PASSWORD_HELP);
    let again = form.field("again", LABELS[2].1, "");
    view! {
        <form class="card" method="post" action=url("/api/change_password") aria-labelledby="password">
            <header>
                <h2 id="password">{text::PASSWORD}</h2>
            </header>
            <div class="body form">
                <Faults form not=text::NOT_CHANGED labels=LABELS />
                <input type="text" name="user" value=name autocomplete="username" readonly=true hidden=true />
                <div class="fields">{old.line("password", "current-password", None)}</div>
                <div class="fields">
                    {new.line("password", "new-password", None)} {again.line("password", "new-password", None)}
                </div>
            </div>
            <footer>
                <span>{text::PASSWORD_HINT}</span>
                <div class="actions">
                    <button class="button small primary" type="submit">
                        {text::CHANGE_PASSWORD}
                    </button>
                </div>
            </footer>
        </form>
    }
}
