use leptos::prelude::*;
use model::{JobView, percent};

use super::places::Places;
use crate::ui::{MileBar, MileBarSize};

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
    move || {
        (!places.is_empty()).then(|| {
            view! {
                <section class="watching" aria-labelledby="watching">
                    <h2 id="watching">"Watching"</h2>
                    <For each=move || places.rows() key=|(job, _)| *job let((_, job))>
                        <a href=move || format!("/jobs/{}", job.read().job)>
                            <span class="name">{move || job.read().title.clone()}</span>
                            <span>{move || how_far(&job.read())}</span>
                            <MileBar job size=MileBarSize::Slim />
                        </a>
                    </For>
                </section>
            }
        })
    }
}

/// The percentage of a running job, else the word for its state.
fn how_far(job: &JobView) -> String {
    match job.progress.fraction {
        Some(fraction) if !job.state.is_terminal() => format!("{} %", percent(fraction)),
        _ => job.shown().label().to_owned(),
    }
}
