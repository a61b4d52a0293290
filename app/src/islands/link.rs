use std::{collections::VecDeque, time::Duration};

use leptos::prelude::*;
use model::{JobView, Micros, duration};

use crate::live::{self, Link};

/// Between two announcements, at least: a screen reader must be able to finish the one before.
const PAUSE: Duration = Duration::from_secs(2);
/// More changes than this in one announcement are only counted.
const NAMED: usize = 3;

/// How the page's link to the server stands, with the age of its data; and, for screen readers, what becomes of the
/// jobs that the page shows. It shows itself once it works: without script there is no link.
#[island]
pub fn LinkStatus(
    /// The server's clock.
    now: Micros,
) -> impl IntoView {
    let now = live::now(now);
    let link = live::link();
    let awake = RwSignal::new(false);
    Effect::new(move || awake.set(true));
    let status = Memo::new(move |_| link.get().0);
    view! {
        <span class="link" data-link=move || data_link(status.get()) role="status" hidden=move || !awake.get()>
            <span class="lamp" aria-hidden="true"></span>
            <span>{move || word(status.get())}</span>
            // Not announced: it changes every second.
            <span class="age" aria-hidden="true">
                {move || age(link.get(), now.get())}
            </span>
        </span>
        <span class="visually-hidden" aria-live="polite">
            {announcements()}
        </span>
    }
}

const fn data_link(link: Link) -> &'static str {
    match link {
        Link::Live => "live",
        Link::Connecting | Link::Reconnecting => "connecting",
        Link::Paused => "paused",
        Link::Offline => "offline",
    }
}

const fn word(link: Link) -> &'static str {
    match link {
        Link::Live => "Live",
        Link::Connecting => "Connecting",
        Link::Reconnecting => "Connecting again",
        Link::Paused => "Paused, tab hidden",
        Link::Offline => "Offline",
    }
}

fn age((link, heard): (Link, Option<Micros>), now: Micros) -> Option<String> {
    let seconds = now.seconds_since(heard?).floor();
    match link {
        Link::Live if seconds < 2.0 => Some("just now".to_owned()),
        Link::Live | Link::Reconnecting | Link::Offline if seconds < 10.0 => Some(format!("{seconds:.0} s")),
        Link::Live | Link::Reconnecting | Link::Offline => Some(duration(seconds)),
        Link::Connecting | Link::Paused => None,
    }
}

/// The text of the polite region: the latest changes of shown jobs.
fn announcements() -> impl Fn() -> String {
    let text = RwSignal::new(String::new());
    let waiting = StoredValue::new(VecDeque::<String>::new());
    let resting = StoredValue::new(false);
    live::on_change(move |job| {
        waiting.update_value(|waiting| waiting.push_back(sentence(job)));
        if !resting.get_value() {
            announce(text, waiting, resting);
        }
    });
    move || text.get()
}

/// Says what waits, then rests, and says what has come up meanwhile.
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
