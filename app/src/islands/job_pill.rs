use leptos::prelude::*;
use model::{JobView, Micros};

use crate::{
    live,
    ui::{StatePill, document_title, fact},
};

/// The job's state in the head of its page, and in the title of the browser's tab.
#[island]
pub fn JobPill(
    /// The job as the page shows it.
    job: JobView,
    /// The server's clock.
    now: Micros,
) -> impl IntoView {
    let job = live::job(job, false);
    let now = live::now(now);
    let title = Memo::new(move |_| document_title(&job.read()));
    Effect::watch(move || title.get(), |title, _, _| document().set_title(&format!("{title} · Milepost")), false);
    view! {
        <StatePill
            shown=Signal::derive(move || job.read().shown())
            pill=true
            stalled=Signal::derive(move || job.read().quiet_for(now.get()).is_some())
            detail=Signal::derive(move || fact(&job.read(), now.get()))
        />
    }
}
