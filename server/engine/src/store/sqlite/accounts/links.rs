//! One-time links, with which users choose their passwords.

use model::{Micros, Role};
use rusqlite::params;

use crate::{
    Result,
    store::{
        Attribution, NewLink, SessionsToEnd, UseLink, UserId,
        rules::accounts::{already_set_up, link_used},
        sqlite::{backend::WriteCommand, transaction::Transaction},
    },
};

/// Saves a link, and deletes all others for the same user.
pub(super) struct SaveLink {
    pub(super) link: NewLink,
    pub(super) by: Attribution,
}

impl WriteCommand for SaveLink {
    type Answer = ();

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        let NewLink { key, user, expires } = &self.link;
        let name = match user {
            Some(user) => transaction.find_user(*user)?.name,
            None if transaction.has_administrator(None)? => return Err(already_set_up()),
            None => "".into(),
        };
        transaction.delete_links(*user)?;
        transaction.execute(
            "insert into link (key, user, created_at, expires) values (?, ?, ?, ?)",
            params![key, user.map(|user| user.0), transaction.now.0, expires.0],
        )?;
        transaction.audit(&self.by, "link_made", None, &name)
    }
}

impl WriteCommand for UseLink {
    type Answer = UserId;

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<UserId> {
        let found = transaction.row("select user, expires from link where key = ?", [&self.key], |row| {
            Ok((row.get::<_, Option<i64>>(0)?.map(UserId), Micros(row.get(1)?)))
        })?;
        let (user, _) = found.filter(|(_, expires)| *expires > transaction.now).ok_or_else(link_used)?;
        let (user, name, what) = match user {
            Some(user) => (user, transaction.find_user(user)?.name, "password_set"),
            None if transaction.has_administrator(None)? => return Err(link_used()),
            None => {
                let user = transaction.insert_user(&self.name, Role::Administrator)?;
                (user, self.name.as_str().into(), "set_up")
            }
        };
        transaction.execute("update user set password = ? where id = ?", params![self.hash, user.0])?;
        transaction.end_sessions(user, &SessionsToEnd::All)?;
        transaction.execute("delete from link where key = ?", [&self.key])?;
        transaction.rights_changed()?;
        let by = Attribution { name, token: None, address: self.address };
        transaction.audit(&by, what, None, "")?;
        Ok(user)
    }
}

impl Transaction<'_> {
    pub(super) fn delete_links(&self, user: Option<UserId>) -> Result<()> {
        self.execute("delete from link where user is ?", [user.map(|user| user.0)])?;
        Ok(())
    }
}
