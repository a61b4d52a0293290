//! Job counts: the number of jobs in each state, wherever a page shows it.

use leptos::prelude::*;
use model::{Counts, JobId, JobState, count};
use web_sys::Element;

use crate::{
    browser::json::Json,
    browser::{all, set, set_text},
    live::{self, decode},
};

/// Updates the numbers with `data-count`, and the badge beside "Jobs".
#[island]
pub fn JobCounts() -> impl IntoView {
    super::on_hydrate(|| {
        let badge = all(&document(), "[data-counts]").next();
        let initial = badge.as_ref().and_then(|badge| badge.get_attribute("data-counts"));
        let initial = initial.and_then(|text| decode::counts(Json::parse(&text)?));
        let counts = live::counts(initial.unwrap_or_default());
        let troubles = RwSignal::new(badge.as_ref().map(troubles_of).unwrap_or_default());
        follow_troubles(troubles);
        live::effect(move || {
            let counts = counts.read();
            for number in all(&document(), "[data-count]") {
                let states = number.get_attribute("data-count").unwrap_or_default();
                set_text(&number, &count(sum(&counts, &states)));
            }
            if let Some(badge) = &badge {
                show(badge, &count(counts.running), troubles.read().len());
            }
        });
    });
}

/// Sums the jobs in the states of a space-separated list; all jobs if it is empty.
fn sum(counts: &Counts, states: &str) -> u64 {
    let named = |state: &JobState| states.is_empty() || states.split(' ').any(|word| word == state.as_str());
    JobState::ALL.into_iter().filter(named).map(|state| counts.of(state)).sum()
}

fn troubles_of(badge: &Element) -> Vec<JobId> {
    let text = badge.get_attribute("data-troubles").unwrap_or_default();
    text.split(' ').filter_map(|number| number.parse().ok()).collect()
}

/// Follows the failed and interrupted jobs that were not retried.
fn follow_troubles(troubles: RwSignal<Vec<JobId>>) {
    live::on_state(move |event| {
        let (job, repeats) = (event.view.job, event.view.rerun_of);
        let wrong = matches!(event.state(), JobState::Failed | JobState::Interrupted);
        troubles.update(|troubles| {
            troubles.retain(|trouble| *trouble != job && Some(*trouble) != repeats);
            if wrong && event.code.as_deref() != Some("deleted") {
                troubles.push(job);
            }
        });
    });
}

/// Updates the badge beside "Jobs": jobs that need attention, otherwise running jobs.
fn show(badge: &Element, running: &str, wrong: usize) {
    let alarm = if wrong < 10 { wrong.to_string() } else { "9+".to_owned() };
    for (class, text, shown) in
        [(".count", running, wrong == 0 && running != "0"), (".alarm", alarm.as_str(), wrong > 0)]
    {
        if let Ok(Some(place)) = badge.query_selector(class) {
            set(&place, "hidden", (!shown).then_some(""));
            if let Some(number) = place.first_element_child() {
                set_text(&number, text);
            }
        }
    }
}
