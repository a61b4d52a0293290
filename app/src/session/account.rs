//! Whose session it is: what signing in writes into it.

use model::Micros;
use serde::{Deserialize, Serialize};
use tower_sessions::{Session, session::Error};

/// Somebody who has signed in, as their session keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionUser {
    /// The person's number.
    pub user: i64,
    /// What they came with, for people: "Firefox on Linux".
    pub device: String,
    /// When they signed in.
    pub since: Micros,
}

impl SessionUser {
    /// Where it is kept in the session.
    pub const KEY: &str = "account";

    /// Whose session it is, if anybody has signed in.
    pub async fn of(session: &Session) -> Result<Option<Self>, Error> {
        session.get(Self::KEY).await
    }

    /// Makes the session theirs, under a new id: whoever knew the old one is left with nothing. What the visitor kept
    /// in it before goes too.
    pub async fn sign_in(self, session: &Session) -> Result<(), Error> {
        session.clear().await;
        // `flush` would leave the old id to the record.
        session.cycle_id().await?;
        session.insert(Self::KEY, self).await
    }
}

/// The address at which somebody chooses a password with a one-time link.
pub fn setup_link_path(secret: &str) -> String {
    format!("/setup?link={secret}")
}
