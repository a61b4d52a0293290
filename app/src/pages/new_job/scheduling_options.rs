//! Scheduling options: the fields for start time and priority that every form has.

use leptos::prelude::*;
use model::{Field, FieldKind, Priority};

use super::text;
use crate::{
    components::{Icon, whose_zone, zone_name},
    forms::{
        Draft,
        start_options::{PRIORITY, START_AT},
    },
    pages::shared::Control,
};

/// Collapsed while they are empty.
#[component]
pub(super) fn SchedulingOptions(draft: Draft) -> impl IntoView {
    let [start_at, priority] = fields().map(|field| Control::new(&field, &draft));
    let open = [&start_at, &priority].into_iter().any(|control| !control.text.is_empty());
    let range = Priority::RANGE;
    view! {
        <details class="disclosure" open=open>
            <summary>
                <Icon name="right" />
                {text::SCHEDULING_OPTIONS}
                <small>{text::SCHEDULING_OPTIONS_HINT}</small>
            </summary>
            <div class="fields">
                {start_at.labelled("field", start_at.moment())}
                {priority.labelled("field", priority.number(Some((i64::from(*range.start()), i64::from(*range.end())))))}
            </div>
        </details>
    }
}

pub(super) fn fields() -> [Field; 2] {
    let field = |name: &str, label: &str, help: String, kind| Field {
        name: name.to_owned(),
        label: label.to_owned(),
        help,
        required: false,
        default: None,
        kind,
    };
    let text = FieldKind::Text { multiline: false, min_length: None, max_length: None };
    let [low, high] = [*Priority::RANGE.start(), *Priority::RANGE.end()].map(i64::from);
    [
        field(START_AT, text::START_AT, text::start_at_help(&whose_zone(), &zone_name()), text),
        field(
            PRIORITY,
            text::PRIORITY,
            text::PRIORITY_HELP.to_owned(),
            FieldKind::Integer { min: Some(low), max: Some(high) },
        ),
    ]
}
