//! Accounts: users, sessions, one-time links, tokens, rules of kinds, and the audit log.
//!
//! Passwords, keys and secrets are hashed by the callers; the store never has them in clear text.

use std::{net::IpAddr, sync::Arc};

use async_trait::async_trait;
use model::{JobId, Micros, Role, Scope};

use crate::Result;
pub use crate::types::{
    attribution::Attribution,
    ids::{TokenId, UserId},
};

/// A user, removed ones included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The number.
    pub id: UserId,
    /// The name to sign in with; in lower case, never given to another user.
    pub name: Arc<str>,
    /// The name that pages show; `None` for the name to sign in with.
    pub display_name: Option<Arc<str>>,
    /// Role, which decides what they may do.
    pub role: Role,
    /// The time zone of their pages, an IANA name; `None` for the server's.
    pub time_zone: Option<String>,
    /// Whether they have chosen a password yet.
    pub active: bool,
    /// When they were added.
    pub created_at: Micros,
    /// When they last sent a request, to the minute.
    pub seen_at: Option<Micros>,
    /// When they were removed.
    pub removed_at: Option<Micros>,
}

/// A change of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserChange {
    /// Role, which decides what they may do.
    Role(Role),
    /// A new password, as an argon2id PHC string. Ends their links, and all their sessions but the one with the key
    /// `keep`. Refused: `password_changed` if the old one is no longer `from`.
    Password {
        /// The hash.
        hash: String,
        /// The hash that it replaces; `None` for any.
        from: Option<String>,
        /// The key of the session that continues.
        keep: Option<Vec<u8>>,
    },
    /// The same password with another hash, unless it has been changed meanwhile. No session ends, and there is no line
    /// in the audit log.
    Rehash {
        /// The hash.
        hash: String,
        /// The hash that it replaces.
        from: String,
    },
    /// The time zone of their pages.
    TimeZone(Option<String>),
    /// The name that pages show; `None` for the name to sign in with. Refused: `name_taken` if it could be mistaken for
    /// a name of another user, also of a removed one.
    DisplayName(Option<String>),
    /// Removes them: sessions, links and tokens end. Their name is never given again.
    Remove,
}

/// A one-time link, with which a user chooses a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLink {
    /// The hash of its secret.
    pub key: Vec<u8>,
    /// The user whose password it sets; `None` creates the first administrator.
    pub user: Option<UserId>,
    /// When it expires.
    pub expires: Micros,
}

/// The purpose of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkFor {
    /// Set-up: the first administrator, who chooses a name as well.
    Setup,
    /// A new password for the user of this name.
    User(Arc<str>),
}

/// The use of a link.
#[derive(Clone, Debug)]
pub struct UseLink {
    /// The hash of its secret.
    pub key: Vec<u8>,
    /// The name of the first administrator; not read for others.
    pub name: String,
    /// The password chosen, as an argon2id PHC string.
    pub hash: String,
    /// The address of the client.
    pub address: Option<IpAddr>,
}

/// A web session as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// Session data of the web layer, opaque here.
    pub data: Vec<u8>,
    /// When it ends, used or not.
    pub expires: Micros,
    /// Its owner, once a user has signed in.
    pub owner: Option<SessionOwner>,
}

/// The owner of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionOwner {
    /// The person.
    pub user: UserId,
    /// Browser and system, for people: "Firefox on Linux".
    pub device: String,
    /// When they signed in.
    pub since: Micros,
    /// When it was last used, to the minute; ignored when a session is saved.
    pub used: Micros,
}

/// A session of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionInfo {
    /// The hash of its id.
    pub key: Vec<u8>,
    /// Browser and system.
    pub device: String,
    /// When they signed in.
    pub since: Micros,
    /// When it was last used, to the minute.
    pub used: Micros,
}

/// The sessions of a user to be ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionsToEnd {
    /// All of them.
    All,
    /// All but the one with this key.
    Others(Vec<u8>),
    /// The one whose key begins with these bytes, 8 at least.
    One(Vec<u8>),
}

/// A token to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewToken {
    /// Its owner.
    pub user: UserId,
    /// Its name, 1 to 80 characters; unique among the user's tokens.
    pub name: String,
    /// The hash of its secret.
    pub key: Vec<u8>,
    /// Its first characters, by which users recognise it.
    pub hint: String,
    /// What it may be used for; not empty.
    pub scopes: Vec<Scope>,
    /// When it expires; `None` for never.
    pub expires: Option<Micros>,
}

/// A token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The number.
    pub id: TokenId,
    /// Its owner.
    pub user: UserId,
    /// The name of its owner.
    pub user_name: Arc<str>,
    /// What people call it.
    pub name: Arc<str>,
    /// Its first characters.
    pub hint: String,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// When it was created.
    pub created_at: Micros,
    /// When it expires.
    pub expires: Option<Micros>,
    /// When it was last used, to the minute.
    pub used_at: Option<Micros>,
}

/// Visibility rule of a kind, set by an administrator. `None` leaves it as its task declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindRule {
    /// The kind.
    pub kind: String,
    /// The least role that may start and control its jobs.
    pub start: Option<Role>,
    /// Whether only their owner and administrators see its jobs.
    pub private: Option<bool>,
}

/// Visibility rule of a kind, declared by its task. A [`KindRule`] overrides it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredRule {
    /// The kind.
    pub kind: String,
    /// The least role that may start and control its jobs.
    pub start: Role,
    /// Whether only their owner and administrators see its jobs.
    pub private: bool,
}

/// A line of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// Its number; rises with time.
    pub id: i64,
    /// When.
    pub at: Micros,
    /// Who.
    pub by: Attribution,
    /// The action: `job_started`, `signed_in`, `role_changed` …
    pub what: String,
    /// The job it is about.
    pub job: Option<JobId>,
    /// The user, kind, queue or token it is about, or more about the job; may be empty.
    pub detail: String,
}

/// A line for the audit log that comes with no other change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditNote {
    /// Who.
    pub by: Attribution,
    /// The action.
    pub what: &'static str,
    /// Details; may be empty.
    pub detail: String,
}

/// A query of the audit log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// Only by this user.
    pub who: Option<String>,
    /// Only this action.
    pub what: Option<String>,
    /// Only about this job.
    pub job: Option<JobId>,
    /// At or after.
    pub from: Option<Micros>,
    /// Before.
    pub until: Option<Micros>,
    /// Only older than the line with this id.
    pub before: Option<i64>,
    /// How many; 1 to 1,000.
    pub limit: u32,
}

/// A page of the audit log, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditPage {
    /// The lines.
    pub rows: Vec<AuditRow>,
    /// Whether there are older ones.
    pub older: bool,
}

/// Accounts in the store. Every change adds a line to the audit log in the same commit, or returns `Error::Refused`
/// with the reason.
#[async_trait]
pub trait Accounts: Send + Sync + 'static {
    /// Rises with every commit, of any process, that changes rights: users, ended sessions, tokens, rules of kinds.
    async fn access_version(&self) -> Result<i64>;

    /// All users by name, including removed ones.
    async fn users(&self) -> Result<Vec<User>>;
    /// Adds a user without a password. Refused: `name_taken`, also by a display name. The caller has validated the name.
    async fn add_user(&self, name: &str, role: Role, by: &Attribution) -> Result<UserId>;
    /// Changes a user. Refused: `no_such_user`, `name_taken`, `last_administrator` if no other user could undo it.
    async fn change_user(&self, user: UserId, change: UserChange, by: &Attribution) -> Result<()>;
    /// The password hash of the user of this name, unless removed or without one.
    async fn password(&self, name: &str) -> Result<Option<(UserId, String)>>;
    /// Buffered: the time of their last request.
    fn touch_user(&self, user: UserId, at: Micros);

    /// Replaces all links of the same user. Refused: `already_set_up` for a setup link if there is an administrator,
    /// `no_such_user`.
    async fn save_link(&self, link: NewLink, by: &Attribution) -> Result<()>;
    /// The purpose of a link; `None` if it has been used or has expired.
    async fn link(&self, key: &[u8]) -> Result<Option<LinkFor>>;
    /// Uses a link: sets the password, creates the first administrator if it is for that, ends the user's sessions.
    /// Refused: `link_used`, `name_taken`.
    async fn use_link(&self, link: UseLink) -> Result<UserId>;

    /// Creates a session; `false` if the key is taken. Refused: `no_such_user` if its owner has been removed.
    async fn create_session(&self, key: &[u8], session: SessionRow) -> Result<bool>;
    /// Replaces a session, or creates it if it has no owner. A session with an owner that has been ended is not created
    /// again by a request that was in progress.
    async fn save_session(&self, key: &[u8], session: SessionRow) -> Result<()>;
    /// A session, unless expired, or owned and not used since `idle_since`.
    async fn load_session(&self, key: &[u8], now: Micros, idle_since: Micros) -> Result<Option<SessionRow>>;
    /// The owners of the sessions with these keys, in any order; without those that [`Accounts::load_session`] would
    /// not return, and those without an owner.
    async fn session_owners(
        &self,
        keys: &[[u8; 32]],
        now: Micros,
        idle_since: Micros,
    ) -> Result<Vec<([u8; 32], SessionOwner)>>;
    /// Buffered: the time of its last use.
    fn touch_session(&self, key: &[u8], at: Micros);
    /// Deletes a session without a line in the audit log: its user signs out, its id changes, or it has no owner.
    async fn delete_session(&self, key: &[u8]) -> Result<()>;
    /// Deletes expired sessions, and those with an owner that were not used since `idle_since`. Returns how many.
    async fn sweep_sessions(&self, now: Micros, idle_since: Micros) -> Result<u64>;
    /// A user's sessions, last used first, without expired ones.
    async fn sessions(&self, user: UserId) -> Result<Vec<SessionInfo>>;
    /// Ends sessions of a user. Returns how many.
    async fn end_sessions(&self, user: UserId, which: SessionsToEnd, by: &Attribution) -> Result<u64>;

    /// Creates a token. Refused: `name_taken`, `no_such_user`.
    async fn add_token(&self, token: NewToken, by: &Attribution) -> Result<TokenId>;
    /// The token with this key, unless expired, revoked, or its owner removed.
    async fn token(&self, key: &[u8], now: Micros) -> Result<Option<Token>>;
    /// Tokens of one user, or of all, newest first, including expired ones.
    async fn tokens(&self, user: Option<UserId>) -> Result<Vec<Token>>;
    /// Revokes a token. Refused: `no_such_token`.
    async fn revoke_token(&self, token: TokenId, by: &Attribution) -> Result<()>;
    /// Buffered: the time of its last use.
    fn touch_token(&self, token: TokenId, at: Micros);

    /// The visibility rules that administrators have set.
    async fn kind_rules(&self) -> Result<Vec<KindRule>>;
    /// Sets the visibility rule of a kind.
    async fn change_kind_rule(&self, rule: KindRule, by: &Attribution) -> Result<()>;

    /// Adds a line to the audit log.
    async fn add_audit_note(&self, note: AuditNote) -> Result<()>;
    /// Part of the audit log.
    async fn audit(&self, query: &AuditQuery) -> Result<AuditPage>;
}
