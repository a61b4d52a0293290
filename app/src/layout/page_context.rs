//! Page context: what the layout shows on every page.

use leptos::prelude::use_context;
use leptos_axum::extract;
use model::{Counts, Cursor, JobView, Micros};
use tower_sessions::Session;

use crate::{
    context::app,
    session::{Flash, Theme, flash, pinned},
};
use engine::{AuthorizedEngine, Result, access::Action, store::Schedule};

/// At most this many jobs and schedules that need attention are read.
pub(crate) const ATTENTION_LIMIT: u32 = 100;

#[derive(Clone)]
pub struct PageContext {
    /// The position in the event stream before anything on the page was read.
    pub cursor: Cursor,
    /// The server's clock.
    pub now: Micros,
    pub counts: Counts,
    /// Failed and interrupted jobs that were not retried or dismissed, newest first; at most [`ATTENTION_LIMIT`].
    pub attention: Vec<JobView>,
    /// Schedules that were paused automatically, latest first; at most [`ATTENTION_LIMIT`].
    pub suspended: Vec<Schedule>,
    /// The jobs that the user pinned, the last pinned first; at most [`pinned::LIMIT`].
    pub pinned: Vec<JobView>,
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
        let (counts, attention, suspended, pinned) = tokio::try_join!(
            engine.counts(),
            engine.attention(ATTENTION_LIMIT),
            engine.suspended_schedules(ATTENTION_LIMIT),
            pinned_jobs(&engine, session.as_ref())
        )?;
        let flash = match &session {
            Some(session) if !is_fetched_by_script() => flash::take(session).await,
            Some(_) | None => None,
        };
        Ok(Self { cursor, now: engine.now(), counts, attention, suspended, pinned, flash, theme })
    }
}

/// Returns the pinned jobs. Deleted ones are left out.
async fn pinned_jobs(engine: &AuthorizedEngine, session: Option<&Session>) -> Result<Vec<JobView>> {
    let mut jobs = Vec::new();
    for job in pinned::read(session).await {
        match engine.open(job, Action::See).await {
            Ok(job) => jobs.push(job.view),
            Err(engine::Error::NoSuchJob(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(jobs)
}

/// Whether a script asks for fragments of the page. The flash message is for the next page that the reader sees. Browsers
/// send `Sec-Fetch-Dest` only over TLS, and other types than these for a page.
fn is_fetched_by_script() -> bool {
    use_context::<http::request::Parts>()
        .is_some_and(|parts| parts.headers.get(http::header::ACCEPT).is_some_and(|types| types == "*/*"))
}
