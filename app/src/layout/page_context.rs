//! Page context: what the layout shows on every page.

use leptos::prelude::use_context;
use leptos_axum::extract;
use model::{Counts, Cursor, JobState, JobView, Micros};
use tower_sessions::Session;

use crate::{
    context::app,
    session::{Flash, Theme, flash, pinned},
};
use engine::{
    AuthorizedEngine, Result,
    access::Action,
    store::{ListQuery, Schedule},
};

/// The number of jobs in the sidebar.
pub(super) const SIDEBAR_JOBS: usize = 5;
/// At most this many jobs that need attention are read; the badge shows more as "9+".
pub(crate) const ATTENTION_LIMIT: u32 = 10;

#[derive(Clone)]
pub struct PageContext {
    /// The position in the event stream before anything on the page was read.
    pub cursor: Cursor,
    /// The server's clock.
    pub now: Micros,
    pub counts: Counts,
    /// Failed and interrupted jobs that were not retried, newest first; at most [`ATTENTION_LIMIT`].
    pub attention: Vec<JobView>,
    /// Schedules that were paused automatically, latest first; at most [`ATTENTION_LIMIT`].
    pub suspended: Vec<Schedule>,
    /// Pinned jobs, then running jobs; at most five.
    pub watching: Vec<JobView>,
    /// How many of `watching` are pinned.
    pub pinned: usize,
    /// The result of the form just sent.
    pub flash: Option<Flash>,
    pub theme: Theme,
}

impl PageContext {
    /// Reads it for the current request.
    pub async fn load() -> Result<Self> {
        let engine = app().engine;
        let session = extract::<Session>().await.ok();
        let theme = use_context::<http::request::Parts>().map_or(Theme::System, |parts| Theme::of(&parts.headers));
        let cursor = engine.position().await?;
        let (counts, attention, suspended, (watching, pinned_count)) = tokio::try_join!(
            engine.counts(),
            engine.attention(ATTENTION_LIMIT),
            engine.suspended_schedules(ATTENTION_LIMIT),
            watching(&engine, session.as_ref())
        )?;
        let flash = match &session {
            Some(session) if !is_fetched_by_script() => flash::take(session).await,
            Some(_) | None => None,
        };
        Ok(Self {
            cursor,
            now: engine.now(),
            counts,
            attention,
            suspended,
            watching,
            pinned: pinned_count,
            flash,
            theme,
        })
    }
}

/// Returns pinned jobs, then running jobs, and the number of pinned ones. Deleted jobs are left out.
async fn watching(engine: &AuthorizedEngine, session: Option<&Session>) -> Result<(Vec<JobView>, usize)> {
    let mut watched: Vec<JobView> = Vec::new();
    for job in pinned::read(session).await {
        match engine.open(job, Action::See).await {
            Ok(job) => watched.push(job.view),
            Err(engine::Error::NoSuchJob(_)) => {}
            Err(error) => return Err(error),
        }
    }
    let pinned_count = watched.len();
    if pinned_count < SIDEBAR_JOBS {
        let running = ListQuery { states: vec![JobState::Running], limit: SIDEBAR_JOBS as u32, ..ListQuery::default() };
        for job in engine.page(running).await?.jobs {
            if watched.len() < SIDEBAR_JOBS && watched.iter().all(|seen| seen.job != job.job) {
                watched.push(job);
            }
        }
    }
    Ok((watched, pinned_count))
}

/// Whether a script asks for fragments of the page. The flash message is for the next page that the reader sees. Browsers
/// send `Sec-Fetch-Dest` only over TLS, and other types than these for a page.
fn is_fetched_by_script() -> bool {
    use_context::<http::request::Parts>()
        .is_some_and(|parts| parts.headers.get(http::header::ACCEPT).is_some_and(|types| types == "*/*"))
}
