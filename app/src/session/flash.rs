//! Flash message: the result of a form, shown on the next page of a browser without script.

use leptos::prelude::use_context;
use model::Tone;
use serde::{Deserialize, Serialize};
use tower_sessions::Session;

/// Its key in the session.
const KEY: &str = "flash";

/// Shown once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flash {
    pub tone: Tone,
    pub text: String,
    /// The form that undoes what was done.
    #[serde(default)]
    pub undo: Option<Undo>,
}

/// A form with one argument.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undo {
    /// The server function.
    pub function: String,
    pub name: String,
    pub value: String,
}

impl Flash {
    pub const fn new(tone: Tone, text: String) -> Self {
        Self { tone, text, undo: None }
    }
}

/// The session of a browser that submits a form without script, and goes to a page next; an extension of the request.
#[derive(Clone, Debug)]
pub struct WithoutScript(pub Session);

/// Returns the session for a flash message, if this request is a form that was submitted without script.
pub fn without_script() -> Option<Session> {
    let parts = use_context::<http::request::Parts>()?;
    parts.extensions.get().map(|WithoutScript(session)| session.clone())
}

/// Stores it for the next page, in place of an unread one. Returns whether that succeeded: what it says was done, whether
/// a page can say so or not.
pub async fn set(session: &Session, flash: Flash) -> bool {
    let stored = session.insert(KEY, flash).await;
    if let Err(error) = &stored {
        tracing::warn!(%error, "the result of a form could not be kept for the next page");
    }
    stored.is_ok()
}

/// Takes it from the session; `None` if the session cannot be read. A session without one is not changed: removing
/// nothing would count as a change, and write to the disk with every page.
pub async fn take(session: &Session) -> Option<Flash> {
    session.get_value(KEY).await.ok().flatten()?;
    session.remove(KEY).await.ok().flatten()
}
