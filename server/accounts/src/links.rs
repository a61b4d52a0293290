//! One-time links: the first administrator sets up the server with one, users choose their first or next password.

use std::{net::IpAddr, time::Duration};

use engine::{
    Error, Result,
    store::{Attribution, LinkFor, NewLink, UseLink, UserId},
};
use model::Micros;

use crate::{
    AuthService, AuthenticatedUser, Secret,
    field_errors::{field_error, name_taken, reject_any},
    passwords, secret, user_names,
};

/// How long a link is valid.
pub const LINK_LIFETIME: Duration = Duration::from_hours(3 * 24);

impl AuthService {
    /// Creates a link for the next password of `user`, or (`None`) for the first administrator. Earlier links of the
    /// same user become invalid.
    ///
    /// # Errors
    /// `Refused`: `already_set_up`, `no_such_user`.
    pub async fn make_link(&self, user: Option<UserId>, by: &Attribution) -> Result<Secret> {
        let secret = Secret::link();
        let expires = Micros(Self::now().0 + LINK_LIFETIME.as_micros() as i64);
        self.store().save_link(NewLink { key: secret.key(), user, expires }, by).await?;
        self.refresh().await?;
        Ok(secret)
    }

    /// Returns the user that a link is for; `None` if it is unknown, used or expired.
    pub async fn link_for(&self, secret: &str) -> Result<Option<LinkFor>> {
        match secret::link_key(secret) {
            Some(key) => self.store().link(&key).await,
            None => Ok(None),
        }
    }

    /// Uses up a link: sets the password of its user, or creates the first administrator with `name`. Ends all sessions
    /// of the user.
    ///
    /// # Errors
    /// `InvalidInput` names `name` and `password`; `Refused`: `link_used`, `busy`.
    pub async fn use_link(
        &self,
        secret: &str,
        name: &str,
        password: &str,
        address: Option<IpAddr>,
    ) -> Result<AuthenticatedUser> {
        let key = secret::link_key(secret).ok_or_else(link_used)?;
        let mut errors = Vec::new();
        let name = match self.store().link(&key).await?.ok_or_else(link_used)? {
            LinkFor::User(name) => name.to_string(),
            LinkFor::Setup => user_names::check(name).unwrap_or_else(|message| {
                errors.push(field_error("name", message));
                name.to_owned()
            }),
        };
        if let Err(message) = passwords::check(&name, password) {
            errors.push(field_error("password", message));
        }
        reject_any(errors)?;
        let hash = self.hash(password).await?;
        let link = UseLink { key, name: name.clone(), hash: hash.clone(), address };
        let user = self.store().use_link(link).await.map_err(name_taken("name"))?;
        self.refresh().await?;
        self.forgive_failures(&name, address);
        self.store().touch_user(user, Self::now());
        let user = self.accounts().user(user).cloned().ok_or_else(link_used)?;
        Ok(AuthenticatedUser { user, password_hash: hash })
    }
}

fn link_used() -> Error {
    let message = "This link has been used or replaced, or its time is over; ask for another one.".to_owned();
    Error::Refused { code: "link_used", message }
}
