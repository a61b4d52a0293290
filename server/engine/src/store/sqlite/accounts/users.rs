//! Users: adding, changing and removing them.

use std::sync::Arc;

use model::Role;
use rusqlite::{Row, params};

use crate::{
    Result,
    store::{
        Attribution, SessionsToEnd, UserChange, UserId,
        rules::accounts::{
            check_not_last_administrator, check_not_mistaken, no_such_user, password_changed, user_name_taken,
        },
        sqlite::{backend::WriteCommand, error::corrupt, transaction::Transaction},
    },
};

/// Adds a user without a password.
pub(super) struct AddUser {
    pub(super) name: String,
    pub(super) role: Role,
    pub(super) by: Attribution,
}

impl WriteCommand for AddUser {
    type Answer = UserId;

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<UserId> {
        let user = transaction.insert_user(&self.name, self.role)?;
        transaction.rights_changed()?;
        transaction.audit(&self.by, "user_added", None, &format!("{}, {}", self.name, self.role))?;
        Ok(user)
    }
}

/// Changes or removes a user.
pub(super) struct ChangeUser {
    pub(super) user: UserId,
    pub(super) change: UserChange,
    pub(super) by: Attribution,
}

impl WriteCommand for ChangeUser {
    type Answer = ();

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        let found = transaction.find_user(self.user)?;
        match &self.change {
            UserChange::Role(role) if *role == found.role => return Ok(()),
            UserChange::Role(role) => transaction.change_role(&found, *role, &self.by)?,
            UserChange::Password { hash, from, keep } => {
                let sql = "update user set password = ?1 where id = ?2 and (?3 is null or password = ?3)";
                if transaction.execute(sql, params![hash, self.user.0, from])? == 0 {
                    return Err(password_changed());
                }
                // A link that was given out before could undo it.
                transaction.delete_links(Some(self.user))?;
                transaction.end_sessions(self.user, &keep.clone().map_or(SessionsToEnd::All, SessionsToEnd::Others))?;
                transaction.audit(&self.by, "password_changed", None, &found.name)?;
            }
            UserChange::Rehash { hash, from } => {
                let sql = "update user set password = ? where id = ? and password = ?";
                transaction.execute(sql, params![hash, self.user.0, from])?;
                return Ok(());
            }
            UserChange::TimeZone(zone) => {
                let sql = "update user set time_zone = ?1 where id = ?2 and time_zone is not ?1";
                if transaction.execute(sql, params![zone, self.user.0])? == 0 {
                    return Ok(());
                }
            }
            UserChange::DisplayName(shown) if *shown == found.display_name => return Ok(()),
            UserChange::DisplayName(shown) => transaction.change_display_name(&found, shown.as_deref(), &self.by)?,
            UserChange::Remove => transaction.remove_user(&found, &self.by)?,
        }
        transaction.rights_changed()
    }
}

/// A user who has not been removed.
pub(super) struct FoundUser {
    pub(super) user: UserId,
    pub(super) name: Arc<str>,
    display_name: Option<String>,
    role: Role,
    /// Whether they have a password.
    active: bool,
}

impl Transaction<'_> {
    pub(super) fn find_user(&self, user: UserId) -> Result<FoundUser> {
        let found = self.row(
            "select id, name, role, password is not null, display_name from user where id = ? and removed_at is null",
            [user.0],
            found_user,
        )?;
        found.ok_or_else(no_such_user)
    }

    /// The display name of the user of this name, if there is such a user, and if they have one.
    pub(in crate::store::sqlite) fn display_name(&self, name: &str) -> Result<Option<String>> {
        let found = self.row("select display_name from user where name = ?", [name], |row| Ok(row.get(0)?))?;
        Ok(found.flatten())
    }

    /// Adds a user under a name that no user has had.
    pub(super) fn insert_user(&self, name: &str, role: Role) -> Result<UserId> {
        let number = "select id, removed_at is not null from user where name = ?";
        let taken: Option<bool> = self.row(number, [name], |row| Ok(row.get(1)?))?;
        if let Some(removed) = taken {
            return Err(user_name_taken(name, removed));
        }
        self.check_not_mistaken(name, None)?;
        self.execute(
            "insert into user (name, role, created_at) values (?, ?, ?)",
            params![name, role.as_str(), self.now.0],
        )?;
        let user = self.row(number, [name], |row| Ok(UserId(row.get(0)?)))?;
        user.ok_or_else(|| corrupt("a user", format!("{name} is not there")))
    }

    /// Whether there is an active administrator other than `but`.
    pub(super) fn has_administrator(&self, but: Option<UserId>) -> Result<bool> {
        let other = self.row(
            "select 1 from user where role = 'administrator' and password is not null and id is not ? limit 1",
            [but.map(|user| user.0)],
            |_| Ok(()),
        )?;
        Ok(other.is_some())
    }

    fn change_role(&self, found: &FoundUser, role: Role, by: &Attribution) -> Result<()> {
        if role < Role::Administrator {
            self.check_not_last_administrator(found)?;
        }
        self.execute("update user set role = ? where id = ?", params![role.as_str(), found.user.0])?;
        self.audit(by, "role_changed", None, &format!("{}, from {} to {role}", found.name, found.role))
    }

    fn change_display_name(&self, found: &FoundUser, shown: Option<&str>, by: &Attribution) -> Result<()> {
        if let Some(shown) = shown {
            self.check_not_mistaken(shown, Some(found.user))?;
        }
        self.execute("update user set display_name = ? where id = ?", params![shown, found.user.0])?;
        let quoted = |name: Option<&str>| name.map_or_else(|| "none".to_owned(), |name| format!("“{name}”"));
        let (from, to) = (quoted(found.display_name.as_deref()), quoted(shown));
        self.audit(by, "display_name_changed", None, &format!("{}, from {from} to {to}", found.name))
    }

    /// Refuses a name that could be mistaken for one of another user than `but`.
    fn check_not_mistaken(&self, name: &str, but: Option<UserId>) -> Result<()> {
        let others: Vec<(String, Option<String>)> =
            self.rows("select name, display_name from user where id is not ?", [but.map(|user| user.0)], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        check_not_mistaken(name, others.iter().map(|(name, shown)| (name.as_str(), shown.as_deref())))
    }

    fn remove_user(&self, found: &FoundUser, by: &Attribution) -> Result<()> {
        self.check_not_last_administrator(found)?;
        let user = found.user;
        self.execute("update user set removed_at = ?, password = null where id = ?", params![self.now.0, user.0])?;
        self.end_sessions(user, &SessionsToEnd::All)?;
        self.delete_links(Some(user))?;
        self.execute("delete from token where user = ?", [user.0])?;
        self.audit(by, "user_removed", None, &found.name)
    }

    /// Refuses to take the role from the last active administrator.
    fn check_not_last_administrator(&self, found: &FoundUser) -> Result<()> {
        let others = || self.has_administrator(Some(found.user));
        check_not_last_administrator(&found.name, found.role, found.active, others)
    }
}

fn found_user(row: &Row<'_>) -> Result<FoundUser> {
    let role: String = row.get(2)?;
    Ok(FoundUser {
        user: UserId(row.get(0)?),
        name: row.get(1)?,
        role: Role::from_word(&role).ok_or_else(|| corrupt("a user's role", &role))?,
        active: row.get(3)?,
        display_name: row.get(4)?,
    })
}
