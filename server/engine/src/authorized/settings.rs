//! Settings that one user reads and changes: sessions, tokens, rules of kinds, the audit log.

use super::AuthorizedEngine;
use crate::{
    Error, Result,
    access::{Action, Denied},
    store::{AuditPage, AuditQuery, KindRule, SessionInfo, Token, User, UserId},
};

impl AuthorizedEngine {
    /// The id of the user, for changes to their own account.
    ///
    /// # Errors
    /// `Error::Denied`, also without accounts.
    pub fn own(&self) -> Result<UserId> {
        self.authorise(Action::OwnAccount)?;
        Ok(self.actor.principal().ok_or(Denied::NoAccounts)?.user)
    }

    /// Their sessions, most recently used first.
    pub async fn own_sessions(&self) -> Result<Vec<SessionInfo>> {
        self.engine.store().sessions(self.own()?).await
    }

    /// Their tokens, newest first, expired and revoked ones too.
    pub async fn own_tokens(&self) -> Result<Vec<Token>> {
        self.engine.store().tokens(Some(self.own()?)).await
    }

    /// All users by name, removed ones too.
    pub async fn users(&self) -> Result<Vec<User>> {
        self.authorise(Action::ManageUsers)?;
        self.engine.store().users().await
    }

    /// The tokens of all users, newest first.
    pub async fn tokens(&self) -> Result<Vec<Token>> {
        self.authorise(Action::ManageUsers)?;
        self.engine.store().tokens(None).await
    }

    /// The rules of kinds that administrators have set.
    pub async fn kind_rules(&self) -> Result<Vec<KindRule>> {
        self.authorise(Action::ManageKinds)?;
        self.engine.store().kind_rules().await
    }

    /// Sets who may start jobs of a kind and who can see them. On a server without accounts it takes effect once there
    /// are some.
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

    /// A page of the audit log.
    pub async fn audit(&self, query: &AuditQuery) -> Result<AuditPage> {
        self.authorise(Action::ReadAudit)?;
        self.engine.store().audit(query).await
    }
}
