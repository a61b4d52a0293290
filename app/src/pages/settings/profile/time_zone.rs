use leptos::prelude::*;

use super::text;
use crate::{
    base_path::url,
    pages::shared::{Faults, ServerForm},
};

const LABELS: &[(&str, &str)] = &[("time_zone", text::TIME_ZONE)];

/// Form to choose the time zone.
#[component]
pub(super) fn Zone(chosen: Option<String>) -> impl IntoView {
    let form = ServerForm::new("set_time_zone");
    let chosen = form.entry("time_zone").or(chosen).unwrap_or_default();
    let mut choices = vec![(String::new(), text::AUTOMATIC_BROWSER.to_owned())];
    choices.extend(engine::zones().map(|zone| (zone.to_owned(), zone.to_owned())));
    // An alias is not offered, but may be the chosen zone.
    if choices.iter().all(|(zone, _)| *zone != chosen) {
        choices.push((chosen.clone(), chosen.clone()));
    }
    let zone = form.field("time_zone", LABELS[0].1, text::TIME_ZONE_HELP);
    view! {
        <form class="card" method="post" action=url("/api/set_time_zone") aria-labelledby="time-zone">
            <header>
                <h2 id="time-zone">{text::TIME_ZONE}</h2>
            </header>
            <div class="body form">
                <Faults form not=text::NOT_SAVED labels=LABELS />
                <div class="fields">{zone.list(choices, &chosen)}</div>
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
