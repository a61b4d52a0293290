use leptos::prelude::*;

use super::roles;
use crate::{
    base_path::url,
    components::Icon,
    pages::shared::{Faults, ServerForm},
};

const LABELS: &[(&str, &str)] = &[("name", "Name"), ("role", "Role")];

/// Form to add a user.
#[component]
pub(super) fn Add() -> impl IntoView {
    let form = ServerForm::new("add_user");
    let name = form.field("name", LABELS[0].1, "Lowercase letters, digits and . _ - @. Cannot be changed later.");
    let role = form.field("role", LABELS[1].1, "");
    let chosen = form.entry("role").unwrap_or_else(|| "operator".to_owned());
    let text = form.entry("name");
    view! {
        <form class="body form below" method="post" action=url("/api/add_user") aria-labelledby="add-user">
            <h3 id="add-user">"Add a user"</h3>
            <Faults form not="Not added" labels=LABELS />
            <div class="fields">{name.line("text", "off", text)} {role.list(roles(), &chosen)}</div>
            <div class="actions">
                <button class="button small primary" type="submit">
                    <Icon name="plus" />
                    "Add"
                </button>
                <span class="hint">"Creates an invite link."</span>
            </div>
        </form>
    }
}
