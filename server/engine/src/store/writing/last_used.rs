//! Last-used times of users, sessions and tokens. Buffered, and written to the minute: continuous use costs one small
//! write a minute.

use std::collections::HashMap;

use model::Micros;

use crate::store::{TokenId, UserId};

const MINUTE: i64 = 60_000_000;

/// The times that wait to be written.
#[derive(Default)]
pub(in crate::store) struct LastUsed {
    users: HashMap<UserId, Micros>,
    sessions: HashMap<Vec<u8>, Micros>,
    tokens: HashMap<TokenId, Micros>,
}

impl LastUsed {
    pub(super) fn is_empty(&self) -> bool {
        self.users.is_empty() && self.sessions.is_empty() && self.tokens.is_empty()
    }

    pub(in crate::store) fn user(&mut self, user: UserId, at: Micros) {
        keep_latest(self.users.entry(user).or_insert(at), at);
    }

    pub(in crate::store) fn session(&mut self, key: &[u8], at: Micros) {
        keep_latest(self.sessions.entry(key.to_owned()).or_insert(at), at);
    }

    pub(in crate::store) fn token(&mut self, token: TokenId, at: Micros) {
        keep_latest(self.tokens.entry(token).or_insert(at), at);
    }

    /// Users and the minute they were last seen in.
    pub(in crate::store) fn users(&self) -> impl Iterator<Item = (UserId, Micros)> {
        self.users.iter().map(|(user, at)| (*user, minute(*at)))
    }

    /// Keys of sessions and the minute they were last used in.
    pub(in crate::store) fn sessions(&self) -> impl Iterator<Item = (&[u8], Micros)> {
        self.sessions.iter().map(|(key, at)| (key.as_slice(), minute(*at)))
    }

    /// Tokens and the minute they were last used in.
    pub(in crate::store) fn tokens(&self) -> impl Iterator<Item = (TokenId, Micros)> {
        self.tokens.iter().map(|(token, at)| (*token, minute(*at)))
    }

    /// Takes back what could not be written.
    pub(super) fn put_back(&mut self, older: Self) {
        older.users.into_iter().for_each(|(user, at)| self.user(user, at));
        older.sessions.into_iter().for_each(|(key, at)| self.session(&key, at));
        older.tokens.into_iter().for_each(|(token, at)| self.token(token, at));
    }
}

fn keep_latest(known: &mut Micros, at: Micros) {
    *known = (*known).max(at);
}

/// The beginning of its minute.
const fn minute(at: Micros) -> Micros {
    Micros(at.0 - at.0.rem_euclid(MINUTE))
}
