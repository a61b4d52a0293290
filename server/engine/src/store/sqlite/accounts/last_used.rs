//! Last-used times of users, sessions and tokens: written where the minute is a later one. What has ended stays so.

use rusqlite::params;

use crate::{
    Result,
    store::{sqlite::transaction::Transaction, writing::LastUsed},
};

impl Transaction<'_> {
    pub(in crate::store::sqlite) fn write_last_used(&self, last_used: &LastUsed) -> Result<()> {
        for (user, minute) in last_used.users() {
            let sql = "update user set seen_at = ?1 where id = ?2 and (seen_at is null or seen_at < ?1)";
            self.execute(sql, [minute.0, user.0])?;
        }
        for (key, minute) in last_used.sessions() {
            let sql = "update session set used = ?1 where key = ?2 and user is not null and used < ?1";
            self.execute(sql, params![minute.0, key])?;
        }
        for (token, minute) in last_used.tokens() {
            let sql = "update token set used_at = ?1 where id = ?2 and (used_at is null or used_at < ?1)";
            self.execute(sql, [minute.0, token.0])?;
        }
        Ok(())
    }
}
