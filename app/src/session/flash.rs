//! Flash message: the result of a form, shown on the next page of a browser without script.

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
}

/// Stores it for the next page, in place of an unread one.
pub async fn set(session: &Session, flash: Flash) -> Result<(), tower_sessions::session::Error> {
    session.insert(KEY, flash).await
}

/// Takes it from the session; `None` if the session cannot be read. A session without one is not changed: removing
/// nothing would count as a change, and write to the disk with every page.
pub async fn take(session: &Session) -> Option<Flash> {
    session.get_value(KEY).await.ok().flatten()?;
    session.remove(KEY).await.ok().flatten()
}
