use leptos::prelude::*;
use model::{JobView, Shown};

use super::places::Places;
use crate::{
    live,
    ui::{MileBar, MileBarSize},
};

/// The jobs a person keeps an eye on, in the sidebar of every page.
#[island]
pub fn Watching(
    /// Pinned jobs, then running ones.
    jobs: Vec<JobView>,
    /// How many of them are pinned.
    pinned: usize,
    /// At most so many are shown.
    most: usize,
) -> impl IntoView {
    let places = Places::new(jobs, pinned, most);
    let empty = Memo::new(move |_| places.is_empty());
    move || {
        (!empty.get()).then(|| {
            view! {
                <section class="watching" aria-labelledby="watching">
                    <h2 id="watching">"Watching"</h2>
                    <For each=move || places.jobs() key=|job| job.job let(job)>
                        <Watched job />
                    </For>
                </section>
            }
        })
    }
}

#[component]
fn Watched(job: JobView) -> impl IntoView {
    let (href, title) = (format!("/jobs/{}", job.job), job.title.clone());
    let job = live::job(job, false);
    view! {
        <a href=href>
            <span class="name">{title}</span>
            <span>{move || how_far(&job.read())}</span>
            <MileBar job size=MileBarSize::Slim />
        </a>
    }
}

/// The percentage of a running job, else the word for its state.
fn how_far(job: &JobView) -> String {
    match job.percent() {
        Some(percent) if job.shown() == Shown::Running => format!("{percent}\u{a0}%"),
        _ => job.shown().label().to_owned(),
    }
}
