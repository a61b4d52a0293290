//! A word to the next page: how a form without script learns what became of it.

use model::Tone;
use serde::{Deserialize, Serialize};
use tower_sessions::Session;

/// Where it is kept in the session.
const KEY: &str = "flash";

/// What the next page says, once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flash {
    /// Good news or bad.
    pub tone: Tone,
    /// A sentence for people.
    pub text: String,
}

/// Keeps it for the next page. Replaces one that nobody has read.
pub async fn set(session: &Session, flash: Flash) -> Result<(), tower_sessions::session::Error> {
    session.insert(KEY, flash).await
}

/// Takes it out. A session that cannot be read has nothing to say. One that has nothing to say stays untouched: taking
/// out what is not there would count as a change, and write to the disk with every page that is looked at.
pub async fn take(session: &Session) -> Option<Flash> {
    session.get_value(KEY).await.ok().flatten()?;
    session.remove(KEY).await.ok().flatten()
}
