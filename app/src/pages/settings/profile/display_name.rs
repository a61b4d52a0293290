use std::sync::Arc;

use leptos::prelude::*;

use super::{form_card::FormCard, text};
use crate::pages::shared::ServerForm;

const FUNCTION: &str = "set_display_name";
const LABELS: &[(&str, &str)] = &[("display_name", text::DISPLAY_NAME)];

/// Form to choose the display name.
#[component]
pub(super) fn DisplayName(#[prop(optional_no_strip)] current: Option<Arc<str>>) -> impl IntoView {
    let form = ServerForm::new(FUNCTION);
    let typed = form.entry("display_name").or_else(|| current.map(|name| name.to_string()));
    let name = form.field("display_name", LABELS[0].1, text::DISPLAY_NAME_HELP);
    view! {
        <FormCard id="display-name" title=text::DISPLAY_NAME function=FUNCTION form labels=LABELS>
            <div class="fields">{name.line("text", "name", typed)}</div>
        </FormCard>
    }
}
