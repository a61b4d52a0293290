use std::sync::Arc;

use leptos::prelude::*;

use super::text;
use crate::{
    base_path::url,
    pages::shared::{Faults, ServerForm},
};

const LABELS: &[(&str, &str)] = &[("display_name", text::DISPLAY_NAME)];

/// Form to choose the display name.
#[component]
pub(super) fn DisplayName(#[prop(optional_no_strip)] current: Option<Arc<str>>) -> impl IntoView {
    let form = ServerForm::new("set_display_name");
    let typed = form.entry("display_name").or_else(|| current.map(|name| name.to_string()));
    let name = form.field("display_name", LABELS[0].1, text::DISPLAY_NAME_HELP);
    view! {
        <form class="card" method="post" action=url("/api/set_display_name") aria-labelledby="display-name">
            <header>
                <h2 id="display-name">{text::DISPLAY_NAME}</h2>
            </header>
            <div class="body form">
                <Faults form not=text::NOT_SAVED labels=LABELS />
                <div class="fields">{name.line("text", "name", typed)}</div>
            </div>
            <footer>
                <div class="actions">
                    <button class="button small primary" type="submit">
                        {text::SAVE}
                    </button>
                </div>
            </footer>
        </form>
    }
}
