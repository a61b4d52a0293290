use std::{collections::VecDeque, time::Duration};

use leptos::prelude::*;
use model::{JobView, Micros, duration};
use web_sys::Element;

use crate::{
    browser::{hide, set, set_text},
    enhance::fragments,
    live::{self, ConnectionState},
};

/// The shortest time between two announcements: a screen reader must be able to finish the first.
const PAUSE: Duration = Duration::from_secs(2);
/// An announcement of more changes than this only counts them.
const NAMED: usize = 3;

/// Shows the state of the connection in `.link`, with the age of the data, and announces changes of shown jobs to
/// screen readers. When the session has ended, offers to sign in again. Hidden without script. Keeps what it says true:
/// starts to refresh the fragments of the page.
#[island]
pub fn ConnectionStatus() -> impl IntoView {
    super::on_hydrate(|| {
        fragments::follow();
        let find = |selector| document().query_selector(selector).ok().flatten();
        let parts = (find(".link"), find(".link > .word"), find(".link > .age"));
        if let (Some(place), Some(word_place), Some(age_place)) = parts {
            let (now, link) = (live::now(), live::connection_state());
            let sign_in = find(".link + a");
            set(&place, "hidden", None);
            live::effect(move || {
                let link = link.get();
                set(&place, "data-link", Some(data_link(link.0)));
                set_text(&word_place, word(link.0));
                set_text(&age_place, &age(link, now.get()).unwrap_or_default());
                if let Some(sign_in) = &sign_in {
                    hide(sign_in, link.0 != ConnectionState::SignedOut);
                }
            });
        }
        if let Some(place) = find(".announcements") {
            announce_to(place);
        }
    });
}

const fn data_link(link: ConnectionState) -> &'static str {
    match link {
        ConnectionState::Live => "live",
        ConnectionState::Stale => "stale",
        ConnectionState::Polling => "polling",
        ConnectionState::Connecting | ConnectionState::Reconnecting => "connecting",
        ConnectionState::Paused => "paused",
        ConnectionState::Offline => "offline",
        ConnectionState::SignedOut => "signed-out",
    }
}

const fn word(link: ConnectionState) -> &'static str {
    match link {
        ConnectionState::Live => "Live",
        ConnectionState::Stale => "Silent",
        ConnectionState::Polling => "Live, by polling",
        ConnectionState::Connecting => "Connecting",
        ConnectionState::Reconnecting => "Reconnecting",
        ConnectionState::Paused => "Paused, tab hidden",
        ConnectionState::Offline => "Offline",
        ConnectionState::SignedOut => "Signed out",
    }
}

fn age((link, heard): (ConnectionState, Option<Micros>), now: Micros) -> Option<String> {
    let seconds = now.seconds_since(heard?).floor();
    match link {
        ConnectionState::Live | ConnectionState::Polling if seconds < 2.0 => Some("just now".to_owned()),
        ConnectionState::Connecting | ConnectionState::Paused | ConnectionState::SignedOut => None,
        ConnectionState::Live
        | ConnectionState::Stale
        | ConnectionState::Reconnecting
        | ConnectionState::Polling
        | ConnectionState::Offline
            if seconds < 10.0 =>
        {
            Some(format!("{} s", seconds.max(0.0) as i64))
        }
        ConnectionState::Live
        | ConnectionState::Stale
        | ConnectionState::Reconnecting
        | ConnectionState::Polling
        | ConnectionState::Offline => Some(duration(seconds)),
    }
}

/// Announces the latest changes of shown jobs in a polite live region.
fn announce_to(place: Element) {
    let text = RwSignal::new(String::new());
    let waiting = StoredValue::new(VecDeque::<String>::new());
    let resting = StoredValue::new(false);
    live::on_change(move |job| {
        waiting.update_value(|waiting| waiting.push_back(sentence(job)));
        if !resting.get_value() {
            announce(text, waiting, resting);
        }
    });
    live::effect(move || set_text(&place, &text.read()));
}

/// Announces what is queued, waits, and announces what was queued since.
fn announce(text: RwSignal<String>, waiting: StoredValue<VecDeque<String>>, resting: StoredValue<bool>) {
    let mut changes = VecDeque::new();
    waiting.update_value(|waiting| std::mem::swap(waiting, &mut changes));
    resting.set_value(!changes.is_empty());
    if changes.is_empty() {
        return;
    }
    text.set(match changes.len() {
        many if many > NAMED => format!("{many} jobs changed"),
        _ => changes.make_contiguous().join(". "),
    });
    set_timeout(move || announce(text, waiting, resting), PAUSE);
}

fn sentence(job: &JobView) -> String {
    format!("{}: {}", job.title, job.shown().label())
}
