//! One-time links: for the first administrator, and for everybody's first or next password.

use std::{net::IpAddr, time::Duration};

use engine::{
    Error, Result,
    store::{By, LinkFor, NewLink, UseLink, UserId},
};
use model::Micros;

use crate::{
    Entrance, Gatekeeper, Secret,
    fault::{all, fault, name_taken},
    names, passwords, secret,
};

/// How long a link can be used.
pub const LINK_LIFE: Duration = Duration::from_hours(3 * 24);

impl Gatekeeper {
    /// Makes a link in place of the earlier ones: for somebody's next password, or (`None`) for the first administrator.
    ///
    /// # Errors
    /// `Refused`: `already_set_up`, `no_such_user`.
    pub async fn make_link(&self, user: Option<UserId>, by: &By) -> Result<Secret> {
        let secret = Secret::link();
        let expires = Micros(Self::now().0 + LINK_LIFE.as_micros() as i64);
        self.store().save_link(NewLink { key: secret.key(), user, expires }, by).await?;
        self.refresh().await?;
        Ok(secret)
    }

    /// Whom a link is for; `None` where it cannot be used, or no more.
    pub async fn link_for(&self, secret: &str) -> Result<Option<LinkFor>> {
        match secret::link_key(secret) {
            Some(key) => self.store().link(&key).await,
            None => Ok(None),
        }
    }

    /// Uses a link up: somebody chooses a password with it, and the first administrator (`name`) a name as well. All
    /// their sessions end.
    ///
    /// # Errors
    /// `InvalidInput` names `name` and `password`; `Refused`: `link_used`, `busy`.
    pub async fn use_link(
        &self,
        secret: &str,
        name: &str,
        password: &str,
        address: Option<IpAddr>,
    ) -> Result<Entrance> {
        let key = secret::link_key(secret).ok_or_else(used)?;
        let mut faults = Vec::new();
        let name = match self.store().link(&key).await?.ok_or_else(used)? {
            LinkFor::Person(name) => name.to_string(),
            LinkFor::Setup => names::check(name).unwrap_or_else(|message| {
                faults.push(fault("name", message));
                name.to_owned()
            }),
        };
        if let Err(message) = passwords::check(&name, password) {
            faults.push(fault("password", message));
        }
        all(faults)?;
        let hash = self.hashed(password).await?;
        let link = UseLink { key, name: name.clone(), hash: hash.clone(), address };
        let user = self.store().use_link(link).await.map_err(name_taken)?;
        self.refresh().await?;
        self.welcome(&name, address);
        self.store().touch_person(user, Self::now());
        let person = self.directory().person(user).cloned().ok_or_else(used)?;
        Ok(Entrance { person, password: hash })
    }
}

fn used() -> Error {
    let message = "This link has been used or replaced, or its time is over; ask for another one.".to_owned();
    Error::Refused { code: "link_used", message }
}
