use leptos::prelude::*;
use model::{JobId, JobState, JobView, Micros, count};

use crate::live;

/// Which jobs belong into a list.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Belongs {
    /// In one of these states; in any where it is empty.
    pub states: Vec<JobState>,
    /// Of this kind.
    pub kind: Option<String>,
    /// Created at or after.
    pub from: Option<Micros>,
    /// Words in lower case that number, kind or title contain.
    pub words: Vec<String>,
    /// The last job of a full page: older ones belong to later pages.
    pub oldest: Option<JobId>,
    /// The jobs that the page shows.
    pub shown: Vec<JobId>,
}

/// "12 new jobs, show them": jobs that came to belong into the list wait here, so that no row moves by itself.
#[island]
pub fn NewRows(
    /// Which jobs belong into the list.
    belongs: Belongs,
    /// The address of the list.
    href: String,
) -> impl IntoView {
    let waiting = RwSignal::new(Vec::<JobId>::new());
    live::on_state(move |event| {
        let job = event.view.job;
        let counts = event.code.as_deref() != Some("deleted") && belongs.takes(&event.view);
        let waits = waiting.read_untracked().contains(&job);
        if counts && !waits {
            waiting.write().push(job);
        } else if !counts && waits {
            waiting.write().retain(|other| *other != job);
        }
    });
    move || {
        let text = match waiting.read().len() {
            0 => return None,
            1 => "1 new job, show it".to_owned(),
            many => format!("{} new jobs, show them", count(many as u64)),
        };
        Some(view! {
            <a class="new-rows" href=href.clone()>
                {text}
            </a>
        })
    }
}

impl Belongs {
    fn takes(&self, job: &JobView) -> bool {
        let text = format!("{} {} {}", job.job, job.kind, job.title).to_lowercase();
        !self.shown.contains(&job.job)
            && self.oldest.is_none_or(|oldest| job.job > oldest)
            && (self.states.is_empty() || self.states.contains(&job.state))
            && self.kind.as_ref().is_none_or(|kind| *kind == job.kind)
            && self.from.is_none_or(|from| job.created_at >= from)
            && self.words.iter().all(|word| text.contains(word.as_str()))
    }
}
