//! A page of the job list.

use std::time::Duration;

use leptos::prelude::*;
use model::{JobId, JobState, JobView, Micros, count};

use super::{
    job_row::{JobTable, RowRights},
    text,
};
use crate::{
    browser::{first, lower_case},
    components::reactive,
    live,
};

/// How long a row is marked before it leaves.
const LEAVE_AFTER: Duration = Duration::from_secs(5);

/// The filter of a job list: which jobs belong in it.
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
    /// The list begins with the newest job, so that new ones belong on this page.
    pub first: bool,
}

/// Why a list is empty, and where to go.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct EmptyText {
    pub title: String,
    pub text: String,
    pub link: Option<PageLink>,
}

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PageLink {
    pub href: String,
    pub name: String,
}

/// The rows of a page, with a link to new jobs and the pager. No row moves by itself: new jobs wait for a click, and a
/// job that no longer belongs in the list is marked, and leaves when the list is not being used.
#[island(lazy)]
pub fn JobList(
    jobs: Vec<JobView>,
    filter: ListFilter,
    /// The address of the first page.
    href: String,
    /// Other pages.
    pages: Vec<PageLink>,
    empty: EmptyText,
    rights: RowRights,
    now: Micros,
) -> impl IntoView {
    let (rows, new, gone) = (RwSignal::new(jobs), RwSignal::new(Vec::new()), RwSignal::new(Vec::new()));
    live::on_state(move |event| {
        let job = event.view.job;
        let belongs = event.code.as_deref() != Some("deleted") && filter.takes(&event.view);
        let listed = rows.with_untracked(|rows| rows.iter().any(|row| row.job == job));
        set_member(new, job, belongs && !listed && filter.is_new(job));
        set_member(gone, job, !belongs && listed);
        if listed && !belongs {
            leave(job, rows, gone);
        }
    });
    let text = move || match new.read().len() {
        1 => "Show 1 new job".to_owned(),
        many => format!("Show {} new jobs", count(many as u64)),
    };
    let is_part = !pages.is_empty();
    let shown = move || {
        let rows = rows.read();
        match (&rows[..], is_part) {
            ([], _) => String::new(),
            ([first, .., last], true) => format!("#{} to #{}", first.job, last.job),
            ([only], true) => format!("#{}", only.job),
            ([_], false) => "1 job".to_owned(),
            (rows, false) => format!("{} jobs", count(rows.len() as u64)),
        }
    };
    let link = |class, PageLink { href, name }: PageLink| {
        view! {
            <a class=class href=href>
                {name}
            </a>
        }
    };
    let pages: Vec<_> = pages.into_iter().map(|page| link("button small", page)).collect();
    view! {
        <a class="new-rows" href=href hidden=reactive(move || new.read().is_empty())>
            {reactive(text)}
        </a>
        <JobTable rows rights gone progress=text::STATE now />
        <div class="empty" hidden=reactive(move || !rows.read().is_empty() || !new.read().is_empty())>
            <h2>{empty.title}</h2>
            <p>{empty.text}</p>
            <div class="actions">{empty.link.map(|page| link("button", page))}</div>
        </div>
        <footer hidden=reactive(move || !is_part && rows.read().is_empty())>
            <nav class="pager" aria-label=text::PAGES>
                <span>{reactive(shown)}</span>
                <span class="actions">{pages}</span>
            </nav>
        </footer>
    }
}

/// Adds a job to a list, or removes it.
pub(super) fn set_member(list: RwSignal<Vec<JobId>>, job: JobId, is_member: bool) {
    if list.with_untracked(|list| list.contains(&job)) != is_member {
        list.update(|list| {
            list.retain(|other| *other != job);
            if is_member {
                list.push(job);
            }
        });
    }
}

/// Removes the row of a job after a while, unless it belongs in the list again. Waits for the pointer and the focus to
/// leave the table: a click must not meet another row.
pub(super) fn leave(job: JobId, rows: RwSignal<Vec<JobView>>, gone: RwSignal<Vec<JobId>>) {
    let act = move || {
        if !gone.with_untracked(|gone| gone.contains(&job)) {
            return;
        }
        if first(&document(), ".jobs:is(:hover, :focus-within)").is_some() {
            return leave(job, rows, gone);
        }
        rows.update(|rows| rows.retain(|row| row.job != job));
        set_member(gone, job, false);
    };
    set_timeout(act, LEAVE_AFTER);
}

impl ListFilter {
    /// Whether a job that is not listed would be on this page.
    fn is_new(&self, job: JobId) -> bool {
        self.first && self.oldest.is_none_or(|oldest| job > oldest)
    }

    fn takes(&self, job: &JobView) -> bool {
        let text = lower_case(&format!("{} {} {}", job.job, job.kind, job.title));
        (self.states.is_empty() || self.states.contains(&job.state))
            && self.kind.as_ref().is_none_or(|kind| *kind == job.kind)
            && self.from.is_none_or(|from| job.created_at >= from)
            && self.words.iter().all(|word| text.contains(word.as_str()))
    }
}
