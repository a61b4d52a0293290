use leptos::prelude::*;

use super::{roles, text};
use crate::{
    base_path::url,
    components::Icon,
    pages::shared::{Faults, ServerForm},
};

const LABELS: &[(&str, &str)] = &[("name", text::NAME), ("role", text::ROLE)];

/// Form to add a user.
#[component]
pub(super) fn Add() -> impl IntoView {
    let form = ServerForm::new("add_user");
    let name = form.field("name", LABELS[0].1, text::NAME_HELP);
    let role = form.field("role", LABELS[1].1, "");
    let chosen = form.entry("role").unwrap_or_else(|| "operator".to_owned());
    let text = form.entry("name");
    view! {
        <form class="body form below" method="post" action=url("/api/add_user") aria-labelledby="add-user">
            <h3 id="add-user">{text::ADD_A_USER}</h3>
            <Faults form not=text::NOT_ADDED labels=LABELS />
            <div class="fields">{name.line("text", "off", text)} {role.list(roles(), &chosen)}</div>
            <div class="actions">
                <button class="button small primary" type="submit">
                    <Icon name="plus" />
                    {text::ADD}
                </button>
                <span class="hint">{text::CREATES_AN_INVITE_LINK}</span>
            </div>
        </form>
    }
}
