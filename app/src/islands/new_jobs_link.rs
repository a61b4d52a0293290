use leptos::prelude::*;
use model::{JobId, JobState, JobView, Micros, count};

use crate::{
    browser::json::Json,
    browser::{hide, lower_case, set_text},
    live,
};

/// The filter of a job list: which new jobs belong in it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
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

/// New jobs link: counts the new jobs that match the list, and offers to show them in `.new-rows`, so that no row moves
/// by itself.
#[island]
pub fn NewJobsLink() -> impl IntoView {
    super::on_hydrate(|| {
        let Ok(Some(link)) = document().query_selector(".new-rows") else { return };
        let json = link.get_attribute("data-belongs").and_then(|text| Json::parse(&text));
        let Some(belongs) = json.map(|json| ListFilter::read(&json)) else { return };
        let waiting = StoredValue::new(Vec::<JobId>::new());
        live::on_state(move |event| {
            let job = event.view.job;
            let counts = event.code.as_deref() != Some("deleted") && belongs.takes(&event.view);
            waiting.update_value(|waiting| {
                waiting.retain(|other| *other != job);
                if counts {
                    waiting.push(job);
                }
            });
            let text = match waiting.with_value(Vec::len) {
                1 => "Show 1 new job".to_owned(),
                many => format!("Show {} new jobs", count(many as u64)),
            };
            hide(&link, waiting.with_value(Vec::is_empty));
            set_text(&link, &text);
        });
    });
}

impl ListFilter {
    fn read(json: &Json) -> Self {
        let id = |json: &Json| json.whole().map(JobId);
        Self {
            states: json.get("states").list(|word| JobState::from_word(&word.text()?)),
            kind: json.get("kind").text(),
            from: json.get("from").instant(),
            words: json.get("words").list(Json::text),
            oldest: id(&json.get("oldest")),
            shown: json.get("shown").list(id),
        }
    }

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
