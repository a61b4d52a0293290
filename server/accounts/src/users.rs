//! User management: changes to users, their sessions and the rules of kinds.

use std::sync::Arc;

use engine::{
    Error, Result,
    store::{Attribution, KindRule, SessionsToEnd, UserChange, UserId},
};
use jiff::tz::TimeZone;
use model::Role;

use crate::{
    AuthService, Secret,
    field_errors::{invalid_field, name_taken},
    user_names,
};

impl AuthService {
    /// Adds a user. Returns the secret of the one-time link with which the user chooses a password.
    ///
    /// # Errors
    /// `InvalidInput` names `name` if it is invalid, or taken by a present or removed user.
    pub async fn add_user(&self, name: &str, role: Role, by: &Attribution) -> Result<(UserId, Secret)> {
        let name = user_names::check(name).map_err(|message| invalid_field("name", message))?;
        let user = self.store().add_user(&name, role, by).await.map_err(name_taken("name"))?;
        let secret = self.make_link(Some(user), by).await?;
        Ok((user, secret))
    }

    /// Changes the role of a user.
    ///
    /// # Errors
    /// `Refused`: `no_such_user`, `last_administrator`.
    pub async fn change_role(&self, user: UserId, role: Role, by: &Attribution) -> Result<()> {
        self.change(user, UserChange::Role(role), by).await
    }

    /// Removes a user: sessions, links and tokens end. The name stays taken.
    ///
    /// # Errors
    /// As for [`AuthService::change_role`].
    pub async fn remove_user(&self, user: UserId, by: &Attribution) -> Result<()> {
        self.change(user, UserChange::Remove, by).await
    }

    /// Changes the time zone of a user's pages; `None` for the server's.
    ///
    /// # Errors
    /// `InvalidInput` names `time_zone`; `Refused`: `no_such_user`.
    pub async fn set_time_zone(&self, user: UserId, zone: Option<&str>, by: &Attribution) -> Result<()> {
        let zone = zone.map(canonical_zone).transpose()?;
        self.change(user, UserChange::TimeZone(zone), by).await
    }

    /// Ends sessions of a user. Returns how many ended.
    pub async fn end_sessions(&self, user: UserId, which: SessionsToEnd, by: &Attribution) -> Result<u64> {
        let ended = self.store().end_sessions(user, which, by).await?;
        self.refresh().await?;
        Ok(ended)
    }

    /// Changes the rule of a kind: who may start it and who sees its jobs.
    ///
    /// # Errors
    /// `UnknownKind`; `InvalidInput` names `start`: viewers cannot start jobs.
    pub async fn change_kind_rule(&self, rule: KindRule, by: &Attribution) -> Result<()> {
        if !self.tasks().iter().any(|(kind, _)| *kind == rule.kind) {
            let known = self.tasks().iter().map(|(kind, _)| kind.as_str()).collect::<Vec<_>>().join(", ");
            return Err(Error::UnknownKind { kind: rule.kind, known });
        }
        if rule.start == Some(Role::Viewer) {
            return Err(invalid_field("start", "A viewer starts no jobs; choose operator or administrator."));
        }
        self.store().change_kind_rule(rule, by).await?;
        self.refresh().await
    }

    /// Returns the name of a user who has not been removed.
    pub(crate) fn name_of(&self, user: UserId) -> Result<Arc<str>> {
        self.accounts().principal(user).map(|principal| principal.name).ok_or_else(|| Error::Refused {
            code: "no_such_user",
            message: "There is no such user any more.".to_owned(),
        })
    }

    pub(crate) async fn change(&self, user: UserId, change: UserChange, by: &Attribution) -> Result<()> {
        self.store().change_user(user, change, by).await?;
        self.refresh().await
    }
}

/// Returns the name of the zone as the IANA database spells it.
fn canonical_zone(typed: &str) -> Result<String> {
    let zone = TimeZone::get(typed.trim()).ok();
    let name = zone.as_ref().and_then(TimeZone::iana_name);
    name.map(str::to_owned).ok_or_else(|| {
        invalid_field("time_zone", "There is no such time zone; choose one such as Europe/Berlin or Asia/Shanghai.")
    })
}
