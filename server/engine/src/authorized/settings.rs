//! Settings that one user reads and changes: sessions, tokens, rules of kinds, the audit log.

use super::AuthorizedEngine;
use crate::{
    Error, Result,
    access::{Action, Denied},
    store::{AuditPage, AuditQuery, KindRule, SessionInfo, Token, User, UserId},
};

impl AuthorizedEngine {
    /// The id of the user, who may change their own account.
    ///
    /// # Errors
    /// `Error::Denied`, also where there are no accounts.
    pub fn own(&self) -> Result<UserId> {
        self.authorise(Action::OwnAccount)?;
        Ok(self.actor.principal().ok_or(Denied::NoAccounts)?.user)
    }

    /// Where they are signed in, the last used first.
    pub async fn own_sessions(&self) -> Result<Vec<SessionInfo>> {
        self.engine.store().sessions(self.own()?).await
    }

    /// Their tokens, the newest first, also those that have ended.
    pub async fn own_tokens(&self) -> Result<Vec<Token>> {
        self.engine.store().tokens(Some(self.own()?)).await
    }

    /// Everybody, the removed ones too, by name.
    pub async fn users(&self) -> Result<Vec<User>> {
        self.authorise(Action::ManageUsers)?;
        self.engine.store().users().await
    }

    /// The tokens of all users, the newest first.
    pub async fn tokens(&self) -> Result<Vec<Token>> {
        self.authorise(Action::ManageUsers)?;
        self.engine.store().tokens(None).await
    }

    /// What administrators have decided about kinds.
    pub async fn kind_rules(&self) -> Result<Vec<KindRule>> {
        self.authorise(Action::ManageKinds)?;
        self.engine.store().kind_rules().await
    }

    /// Decides who may start a kind, and who sees its jobs. On a server without accounts it counts from when there are
    /// some.
    ///
    /// # Errors
    /// `Error::Denied`, `Error::UnknownKind`.
    pub async fn change_kind_rule(&self, rule: KindRule) -> Result<()> {
        self.authorise(Action::ManageKinds)?;
        if self.task(&rule.kind).is_none() {
            let known = self.catalogue().iter().map(|task| task.kind.as_str()).collect::<Vec<_>>().join(", ");
            return Err(Error::UnknownKind { kind: rule.kind, known });
        }
        self.engine.store().change_kind_rule(rule, &self.by).await
    }

    /// Part of the audit log.
    pub async fn audit(&self, query: &AuditQuery) -> Result<AuditPage> {
        self.authorise(Action::ReadAudit)?;
        self.engine.store().audit(query).await
    }
}
