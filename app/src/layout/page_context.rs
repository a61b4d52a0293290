//! What every page shows around its own matter.

use leptos::prelude::use_context;
use leptos_axum::extract;
use model::{Counts, Cursor, JobState, JobView, Micros};
use tower_sessions::Session;

use crate::{
    context::app,
    session::{Flash, Theme, flash, pinned},
};
use engine::{Desk, Result, access::Action, store::ListQuery};

/// At most so many jobs are watched in the sidebar.
pub(super) const WATCHED: usize = 5;
/// At most so many troubles are counted; more are "9+".
pub(crate) const ATTENTION_LIMIT: u32 = 10;

/// What every page shows around its own matter; a context of the page.
#[derive(Clone)]
pub struct PageContext {
    /// The newest durable event before anything on the page was read.
    pub cursor: Cursor,
    /// The server's clock.
    pub now: Micros,
    /// How many jobs are in each state.
    pub counts: Counts,
    /// Jobs that went wrong and wait for a person, newest first, at most ten.
    pub attention: Vec<JobView>,
    /// Pinned jobs first, then running ones of the same person; at most five.
    pub watching: Vec<JobView>,
    /// How many of those are pinned.
    pub pinned: usize,
    /// What became of the form just sent.
    pub flash: Option<Flash>,
    /// The colour scheme chosen in this browser.
    pub theme: Theme,
}

impl PageContext {
    /// Reads it for the current request.
    pub async fn load() -> Result<Self> {
        let desk = app().desk;
        let session = extract::<Session>().await.ok();
        let theme = use_context::<http::request::Parts>().map_or(Theme::System, |parts| Theme::of(&parts.headers));
        let cursor = desk.position().await?;
        let (counts, attention, (watching, pinned_count)) =
            tokio::try_join!(desk.counts(), desk.attention(ATTENTION_LIMIT), watching(&desk, session.as_ref()))?;
        let flash = match &session {
            Some(session) => flash::take(session).await,
            None => None,
        };
        Ok(Self { cursor, now: desk.now(), counts, attention, watching, pinned: pinned_count, flash, theme })
    }
}

/// Pinned jobs, then running ones, each once, and how many are pinned. A pinned job that was deleted is left out.
async fn watching(desk: &Desk, session: Option<&Session>) -> Result<(Vec<JobView>, usize)> {
    let mut watched: Vec<JobView> = Vec::new();
    for job in pinned::read(session).await {
        match desk.open(job, Action::See).await {
            Ok(job) => watched.push(job.view),
            Err(engine::Error::NoSuchJob(_)) => {}
            Err(error) => return Err(error),
        }
    }
    let pinned_count = watched.len();
    if pinned_count < WATCHED {
        let running = ListQuery { states: vec![JobState::Running], limit: WATCHED as u32, ..ListQuery::default() };
        for job in desk.page(running).await?.jobs {
            if watched.len() < WATCHED && watched.iter().all(|seen| seen.job != job.job) {
                watched.push(job);
            }
        }
    }
    Ok((watched, pinned_count))
}
