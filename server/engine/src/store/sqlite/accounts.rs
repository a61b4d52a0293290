//! Accounts: users, links, sessions, tokens, rules of kinds, and the audit log.

mod audit;
mod kind_rules;
mod last_used;
mod links;
mod sessions;
mod tokens;
mod users;

use async_trait::async_trait;
use model::{Micros, Role};

pub(super) use self::audit::Starts;
use super::{SqliteStore, transaction::Transaction};
use crate::{
    Result,
    store::{
        Accounts, Attribution, AuditNote, AuditPage, AuditQuery, KindRule, LinkFor, NewLink, NewToken, SessionInfo,
        SessionOwner, SessionRow, SessionsToEnd, Token, TokenId, UseLink, User, UserChange, UserId,
    },
};

#[async_trait]
impl Accounts for SqliteStore {
    async fn access_version(&self) -> Result<i64> {
        self.reader.access_version().await
    }

    async fn users(&self) -> Result<Vec<User>> {
        self.reader.users().await
    }

    async fn add_user(&self, name: &str, role: Role, by: &Attribution) -> Result<UserId> {
        self.writer.run(users::AddUser { name: name.to_owned(), role, by: by.clone() }).await
    }

    async fn change_user(&self, user: UserId, change: UserChange, by: &Attribution) -> Result<()> {
        self.writer.run(users::ChangeUser { user, change, by: by.clone() }).await
    }

    async fn password(&self, name: &str) -> Result<Option<(UserId, String)>> {
        self.reader.password(name).await
    }

    fn touch_user(&self, user: UserId, at: Micros) {
        self.writer.buffer(|buffered| buffered.last_used.user(user, at));
    }

    async fn save_link(&self, link: NewLink, by: &Attribution) -> Result<()> {
        self.writer.run(links::SaveLink { link, by: by.clone() }).await
    }

    async fn link(&self, key: &[u8]) -> Result<Option<LinkFor>> {
        self.reader.link(key).await
    }

    async fn use_link(&self, link: UseLink) -> Result<UserId> {
        self.writer.run(link).await
    }

    async fn create_session(&self, key: &[u8], session: SessionRow) -> Result<bool> {
        self.writer.run(sessions::CreateSession { key: key.to_owned(), session }).await
    }

    async fn save_session(&self, key: &[u8], session: SessionRow) -> Result<()> {
        self.writer.run(sessions::SaveSession { key: key.to_owned(), session }).await
    }

    async fn load_session(&self, key: &[u8], now: Micros, idle_since: Micros) -> Result<Option<SessionRow>> {
        self.reader.load_session(key, now, idle_since).await
    }

    async fn session_owners(
        &self,
        keys: &[[u8; 32]],
        now: Micros,
        idle_since: Micros,
    ) -> Result<Vec<([u8; 32], SessionOwner)>> {
        self.reader.session_owners(keys, now, idle_since).await
    }

    fn touch_session(&self, key: &[u8], at: Micros) {
        self.writer.buffer(|buffered| buffered.last_used.session(key, at));
    }

    async fn delete_session(&self, key: &[u8]) -> Result<()> {
        self.writer.run(sessions::DeleteSession { key: key.to_owned() }).await
    }

    async fn sweep_sessions(&self, now: Micros, idle_since: Micros) -> Result<u64> {
        self.writer.run(sessions::SweepSessions { now, idle_since }).await
    }

    async fn sessions(&self, user: UserId) -> Result<Vec<SessionInfo>> {
        self.reader.sessions(user).await
    }

    async fn end_sessions(&self, user: UserId, which: SessionsToEnd, by: &Attribution) -> Result<u64> {
        self.writer.run(sessions::EndSessions { user, which, by: by.clone() }).await
    }

    async fn add_token(&self, token: NewToken, by: &Attribution) -> Result<TokenId> {
        self.writer.run(tokens::AddToken { token, by: by.clone() }).await
    }

    async fn token(&self, key: &[u8], now: Micros) -> Result<Option<Token>> {
        self.reader.token(key, now).await
    }

    async fn tokens(&self, user: Option<UserId>) -> Result<Vec<Token>> {
        self.reader.tokens(user).await
    }

    async fn revoke_token(&self, token: TokenId, by: &Attribution) -> Result<()> {
        self.writer.run(tokens::RevokeToken { token, by: by.clone() }).await
    }

    fn touch_token(&self, token: TokenId, at: Micros) {
        self.writer.buffer(|buffered| buffered.last_used.token(token, at));
    }

    async fn kind_rules(&self) -> Result<Vec<KindRule>> {
        self.reader.kind_rules().await
    }

    async fn change_kind_rule(&self, rule: KindRule, by: &Attribution) -> Result<()> {
        self.writer.run(kind_rules::ChangeKindRule { rule, by: by.clone() }).await
    }

    async fn add_audit_note(&self, note: AuditNote) -> Result<()> {
        self.writer.run(note).await
    }

    async fn audit(&self, query: &AuditQuery) -> Result<AuditPage> {
        self.reader.audit(query).await
    }
}

impl Transaction<'_> {
    /// Makes every process read the rights of users again.
    fn rights_changed(&self) -> Result<()> {
        self.execute("update ledger set access = access + 1", [])?;
        Ok(())
    }
}
