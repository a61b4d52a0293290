use leptos::prelude::*;
use model::{JobId, JobState, JobView, Micros, count};

use crate::{browser::lower_case, components::reactive, live};

/// The filter of a job list: which new jobs belong in it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ListFilter {
    /// All if empty.
    pub states: Vec<JobState>,
    pub kind: Option<String>,
    /// Created at or after.
    pub from: Option<Micros>,
    /// Lower-case words that the number, kind or title must contain.
    pub words: Vec<String>,
    /// The last job of a full page: older ones belong on later pages.
    pub oldest: Option<JobId>,
    /// The jobs that the page already shows.
    pub shown: Vec<JobId>,
}

/// New jobs link: counts the new jobs that match the list, and offers to show them, so that no row moves by itself.
#[island(lazy)]
pub fn NewJobsLink(
    /// The address of the list.
    href: String,
    filter: ListFilter,
) -> impl IntoView {
    let new = RwSignal::new(Vec::<JobId>::new());
    live::on_state(move |event| {
        let job = event.view.job;
        let counts = event.code.as_deref() != Some("deleted") && filter.takes(&event.view);
        new.update(|new| {
            new.retain(|other| *other != job);
            if counts {
                new.push(job);
            }
        });
    });
    let text = move || match new.read().len() {
        1 => "Show 1 new job".to_owned(),
        many => format!("Show {} new jobs", count(many as u64)),
    };
    view! {
        <a class="new-rows" href=href hidden=reactive(move || new.read().is_empty())>
            {reactive(text)}
        </a>
    }
}

impl ListFilter {
    fn takes(&self, job: &JobView) -> bool {
        let text = lower_case(&format!("{} {} {}", job.job, job.kind, job.title));
        !self.shown.contains(&job.job)
            && self.oldest.is_none_or(|oldest| job.job > oldest)
            && (self.states.is_empty() || self.states.contains(&job.state))
            && self.kind.as_ref().is_none_or(|kind| *kind == job.kind)
            && self.from.is_none_or(|from| job.created_at >= from)
            && self.words.iter().all(|word| text.contains(word.as_str()))
    }
}
