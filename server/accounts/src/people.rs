//! What administrators change about people and kinds, and people about themselves.

use std::sync::Arc;

use engine::{
    Error, Result,
    store::{By, Ending, KindRule, PersonChange, UserId},
};
use jiff::tz::TimeZone;
use model::Role;

use crate::{
    Gatekeeper, Secret,
    fault::{invalid, name_taken},
    names,
};

impl Gatekeeper {
    /// Adds somebody. With the secret of the link that comes back they choose a password.
    ///
    /// # Errors
    /// `InvalidInput` names `name`, where it will not do or somebody has or had it.
    pub async fn add_person(&self, name: &str, role: Role, by: &By) -> Result<(UserId, Secret)> {
        let name = names::check(name).map_err(|message| invalid("name", message))?;
        let user = self.store().add_person(&name, role, by).await.map_err(name_taken)?;
        let secret = self.make_link(Some(user), by).await?;
        Ok((user, secret))
    }

    /// Changes what somebody may do.
    ///
    /// # Errors
    /// `Refused`: `no_such_user`, `last_administrator`.
    pub async fn change_role(&self, user: UserId, role: Role, by: &By) -> Result<()> {
        self.change(user, PersonChange::Role(role), by).await
    }

    /// Lets somebody in no more.
    ///
    /// # Errors
    /// As for [`Gatekeeper::change_role`].
    pub async fn remove_person(&self, user: UserId, by: &By) -> Result<()> {
        self.change(user, PersonChange::Remove, by).await
    }

    /// Changes the time zone of somebody's pages; `None` for the server's.
    ///
    /// # Errors
    /// `InvalidInput` names `time_zone`; `Refused`: `no_such_user`.
    pub async fn set_time_zone(&self, user: UserId, zone: Option<&str>, by: &By) -> Result<()> {
        let zone = zone.map(known_zone).transpose()?;
        self.change(user, PersonChange::TimeZone(zone), by).await
    }

    /// Ends sessions of somebody; answers how many.
    pub async fn end_sessions(&self, user: UserId, which: Ending, by: &By) -> Result<u64> {
        let ended = self.store().end_sessions(user, which, by).await?;
        self.refresh().await?;
        Ok(ended)
    }

    /// Decides who may start a kind and see its jobs.
    ///
    /// # Errors
    /// `UnknownKind`; `InvalidInput` names `start`: nobody starts jobs as a viewer.
    pub async fn change_kind_rule(&self, rule: KindRule, by: &By) -> Result<()> {
        if !self.tasks().iter().any(|(kind, _)| *kind == rule.kind) {
            let known = self.tasks().iter().map(|(kind, _)| kind.as_str()).collect::<Vec<_>>().join(", ");
            return Err(Error::UnknownKind { kind: rule.kind, known });
        }
        if rule.start == Some(Role::Viewer) {
            return Err(invalid("start", "A viewer starts no jobs; choose operator or administrator."));
        }
        self.store().change_kind_rule(rule, by).await?;
        self.refresh().await
    }

    /// The name of somebody who has not been removed.
    pub(crate) fn name_of(&self, user: UserId) -> Result<Arc<str>> {
        self.directory().who(user).map(|who| who.name).ok_or_else(|| Error::Refused {
            code: "no_such_user",
            message: "There is no such user any more.".to_owned(),
        })
    }

    async fn change(&self, user: UserId, change: PersonChange, by: &By) -> Result<()> {
        self.store().change_person(user, change, by).await?;
        self.refresh().await
    }
}

/// The zone's name as the IANA database spells it.
fn known_zone(typed: &str) -> Result<String> {
    let zone = TimeZone::get(typed.trim()).ok();
    let name = zone.as_ref().and_then(TimeZone::iana_name);
    name.map(str::to_owned).ok_or_else(|| {
        invalid("time_zone", "There is no such time zone; choose one such as Europe/Berlin or Asia/Shanghai.")
    })
}
