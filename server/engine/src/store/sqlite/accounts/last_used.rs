//! When people, sessions and tokens were last used. Rides along with the next commit, and only to the minute: who works
//! all day costs one small write a minute.

use std::collections::HashMap;

use model::Micros;

use crate::{
    Result,
    store::{TokenId, UserId, sqlite::transaction::Transaction},
};

const MINUTE: i64 = 60_000_000;

/// What waits to be written.
#[derive(Default)]
pub(in crate::store::sqlite) struct LastUsed {
    people: HashMap<UserId, Micros>,
    sessions: HashMap<Vec<u8>, Micros>,
    tokens: HashMap<TokenId, Micros>,
}

impl LastUsed {
    pub(in crate::store::sqlite) fn is_empty(&self) -> bool {
        self.people.is_empty() && self.sessions.is_empty() && self.tokens.is_empty()
    }

    pub(super) fn person(&mut self, user: UserId, at: Micros) {
        latest(self.people.entry(user).or_insert(at), at);
    }

    pub(super) fn session(&mut self, key: &[u8], at: Micros) {
        latest(self.sessions.entry(key.to_owned()).or_insert(at), at);
    }

    pub(super) fn token(&mut self, token: TokenId, at: Micros) {
        latest(self.tokens.entry(token).or_insert(at), at);
    }

    /// Takes back what could not be written.
    pub(in crate::store::sqlite) fn put_back(&mut self, older: Self) {
        older.people.into_iter().for_each(|(user, at)| self.person(user, at));
        older.sessions.into_iter().for_each(|(key, at)| self.session(&key, at));
        older.tokens.into_iter().for_each(|(token, at)| self.token(token, at));
    }
}

fn latest(known: &mut Micros, at: Micros) {
    *known = (*known).max(at);
}

impl Transaction<'_> {
    /// Writes when something was last used, where the minute is another one. What has ended meanwhile stays so.
    pub(in crate::store::sqlite) fn write_last_used(&self, last_used: &LastUsed) -> Result<()> {
        let minute = |at: &Micros| at.0 - at.0.rem_euclid(MINUTE);
        for (user, at) in &last_used.people {
            let sql = "update user set seen_at = ?1 where id = ?2 and (seen_at is null or seen_at < ?1)";
            self.execute(sql, [minute(at), user.0])?;
        }
        for (key, at) in &last_used.sessions {
            let sql = "update session set used = ?1 where key = ?2 and user is not null and used < ?1";
            self.execute(sql, rusqlite::params![minute(at), key])?;
        }
        for (token, at) in &last_used.tokens {
            let sql = "update token set used_at = ?1 where id = ?2 and (used_at is null or used_at < ?1)";
            self.execute(sql, [minute(at), token.0])?;
        }
        Ok(())
    }
}
