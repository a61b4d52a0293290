//! Signed-in user of a session.

use model::Micros;
use serde::{Deserialize, Serialize};
use tower_sessions::{Session, session::Error};

/// The signed-in user, as stored in the session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionUser {
    /// The user's id.
    pub user: i64,
    /// Browser and system, such as "Firefox on Linux".
    pub device: String,
    /// When the user signed in.
    pub since: Micros,
}

impl SessionUser {
    /// Its key in the session.
    pub const KEY: &str = "account";

    /// Returns the signed-in user.
    pub async fn of(session: &Session) -> Result<Option<Self>, Error> {
        session.get(Self::KEY).await
    }

    /// Stores the user in the session under a new id, so that the old id is worthless, and deletes everything else in
    /// it.
    pub async fn sign_in(self, session: &Session) -> Result<(), Error> {
        session.clear().await;
        // `flush` would keep the old id.
        session.cycle_id().await?;
        session.insert(Self::KEY, self).await
    }
}

/// Returns the address at which a user sets a password with a one-time link.
pub fn setup_link_path(secret: &str) -> String {
    format!("/setup?link={secret}")
}
