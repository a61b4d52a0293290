use leptos::prelude::*;

use super::{form_card::FormCard, text};
use crate::pages::shared::ServerForm;

const FUNCTION: &str = "set_time_zone";
const LABELS: &[(&str, &str)] = &[("time_zone", text::TIME_ZONE)];

/// Form to choose the time zone.
#[component]
pub(super) fn Zone(chosen: Option<String>) -> impl IntoView {
    let form = ServerForm::new(FUNCTION);
    let chosen = form.entry("time_zone").or(chosen).unwrap_or_default();
    let mut choices = vec![(String::new(), text::AUTOMATIC_BROWSER.to_owned())];
    choices.extend(engine::zones().map(|zone| (zone.to_owned(), zone.to_owned())));
    // An alias is not offered, but may be the chosen zone.
    if choices.iter().all(|(zone, _)| *zone != chosen) {
        choices.push((chosen.clone(), chosen.clone()));
    }
    let zone = form.field("time_zone", LABELS[0].1, text::TIME_ZONE_HELP);
    view! {
        <FormCard id="time-zone" title=text::TIME_ZONE function=FUNCTION form labels=LABELS>
            <div class="fields">{zone.list(choices, &chosen)}</div>
        </FormCard>
    }
}
