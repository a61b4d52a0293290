//! Who may come in, and what they did: people, sessions, one-time links, tokens, rules of kinds, the audit log.
//!
//! Nothing here is a password or a key in the clear: the callers hash them.

use std::{net::IpAddr, sync::Arc};

use async_trait::async_trait;
use model::{JobId, Micros, Role, Scope};

use crate::{Result, TaskInfo};

/// A person's number. Never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(pub i64);

/// A token's number. Never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenId(pub i64);

/// Who did something, by what means, from where: what the audit log keeps of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct By {
    /// The person's name; `local` without accounts. Jobs are theirs by it.
    pub name: Arc<str>,
    /// The name of the token it was done with.
    pub token: Option<Arc<str>>,
    /// The address of whoever asked.
    pub address: Option<IpAddr>,
}

impl By {
    /// By what means, for people: "with token nightly-ci"; empty for a person's own hands.
    pub fn means(&self) -> String {
        self.token.as_ref().map_or_else(String::new, |token| format!("with token {token}"))
    }
}

impl Default for By {
    /// Whoever works without accounts.
    fn default() -> Self {
        Self::from("local")
    }
}

impl From<&str> for By {
    fn from(name: &str) -> Self {
        Self { name: name.into(), token: None, address: None }
    }
}

impl From<String> for By {
    fn from(name: String) -> Self {
        Self::from(name.as_str())
    }
}

/// Somebody who may sign in, or could once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The number.
    pub id: UserId,
    /// The name to sign in with; in lower case, never given to anybody else.
    pub name: Arc<str>,
    /// What they may do.
    pub role: Role,
    /// The time zone of their pages, an IANA name; the server's where there is none.
    pub time_zone: Option<String>,
    /// Whether they have chosen a password yet.
    pub active: bool,
    /// Since when they are known.
    pub created_at: Micros,
    /// When they last asked for something, to the minute.
    pub seen_at: Option<Micros>,
    /// Since when they may no longer come in.
    pub removed_at: Option<Micros>,
}

/// What changes about a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PersonChange {
    /// What they may do.
    Role(Role),
    /// Their password, as an argon2id PHC string. Their links end, and all their sessions but the one named (by its key).
    /// Refused: `password_changed` where it is no longer `from`.
    Password {
        /// The hash.
        hash: String,
        /// What it replaces; `None` for whatever there is.
        from: Option<String>,
        /// The session that goes on.
        keep: Option<Vec<u8>>,
    },
    /// Their password as it was, hashed anew; unless it has been changed meanwhile. No session ends, and the audit log
    /// says nothing of it.
    Rehash {
        /// The hash.
        hash: String,
        /// What it replaces.
        from: String,
    },
    /// The time zone of their pages.
    TimeZone(Option<String>),
    /// They may no longer come in: sessions, links and tokens end. The name stays theirs.
    Remove,
}

/// A one-time link to be given to somebody, who chooses a password with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLink {
    /// The hash of its secret.
    pub key: Vec<u8>,
    /// Whose password it is for; `None` makes the first administrator.
    pub user: Option<UserId>,
    /// Until when it can be used.
    pub expires: Micros,
}

/// Whom a link is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkFor {
    /// The first administrator, who chooses a name as well.
    Setup,
    /// A person who is known already, by name.
    Person(Arc<str>),
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
    /// From where.
    pub address: Option<IpAddr>,
}

/// A web session as it is kept. `data` is whatever the web side wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// What the web side keeps in it.
    pub data: Vec<u8>,
    /// It ends then, used or not.
    pub expires: Micros,
    /// Whose it is, once somebody has signed in.
    pub owner: Option<SessionOwner>,
}

/// Whose session it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionOwner {
    /// The person.
    pub user: UserId,
    /// What they came with, for people: "Firefox on Linux".
    pub device: String,
    /// When they signed in.
    pub since: Micros,
    /// When it was last used, to the minute; not looked at where a session is saved.
    pub used: Micros,
}

/// One of a person's sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionInfo {
    /// The hash of its id.
    pub key: Vec<u8>,
    /// What the person came with.
    pub device: String,
    /// When they signed in.
    pub since: Micros,
    /// When it was last used, to the minute.
    pub used: Micros,
}

/// Which of a person's sessions end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All of them.
    All,
    /// All but the one with this key.
    Others(Vec<u8>),
    /// The one whose key begins with these bytes, 8 at least.
    One(Vec<u8>),
}

/// A token to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewToken {
    /// Whose it is.
    pub user: UserId,
    /// What people call it, 1 to 80 characters; unique among the person's.
    pub name: String,
    /// The hash of its secret.
    pub key: Vec<u8>,
    /// Its first characters, by which people know it again.
    pub hint: String,
    /// What it may be used for; not empty.
    pub scopes: Vec<Scope>,
    /// Until when; `None` for ever.
    pub expires: Option<Micros>,
}

/// A token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The number.
    pub id: TokenId,
    /// Whose it is.
    pub user: UserId,
    /// The name of whose it is.
    pub user_name: Arc<str>,
    /// What people call it.
    pub name: Arc<str>,
    /// Its first characters.
    pub hint: String,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// When it was made.
    pub created_at: Micros,
    /// Until when it can be used.
    pub expires: Option<Micros>,
    /// When it was last used, to the minute.
    pub used_at: Option<Micros>,
}

/// Who may start a kind and see its jobs, where an administrator has decided; its task decides the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindRule {
    /// The kind.
    pub kind: String,
    /// The least role that may start and steer its jobs.
    pub start: Option<Role>,
    /// Whether its jobs are seen by their owner and administrators only.
    pub private: Option<bool>,
}

/// What a task says of who may start it and see its jobs, until an administrator decides otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredRule {
    /// The kind.
    pub kind: String,
    /// The least role that may start and steer its jobs.
    pub start: Role,
    /// Whether its jobs are seen by their owner and administrators only.
    pub private: bool,
}

impl DeclaredRule {
    /// That of a registered task.
    pub fn of(task: &TaskInfo) -> Self {
        Self { kind: task.kind.to_string(), start: task.start_role, private: task.private }
    }
}

/// One line of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// Its place; rises with time.
    pub id: i64,
    /// When.
    pub at: Micros,
    /// Who.
    pub by: By,
    /// What, as a word: `job_started`, `signed_in`, `role_changed` …
    pub what: String,
    /// The job it is about.
    pub job: Option<JobId>,
    /// The person, kind, queue or token it is about, or more about the job; may be empty.
    pub detail: String,
}

/// Something to be noted that is no change of anything else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Who.
    pub by: By,
    /// What, as a word.
    pub what: &'static str,
    /// More; may be empty.
    pub detail: String,
}

/// Which lines of the audit log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// Only of this person.
    pub who: Option<String>,
    /// Only this word.
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

/// What is kept of people and their rights. Every change notes itself in the audit log, in the same commit, and names
/// in `Error::Refused` why it cannot be.
#[async_trait]
pub trait Accounts: Send + Sync + 'static {
    /// Rises with every commit, of whichever process, that changes who may do what: people, sessions ended by somebody,
    /// tokens, rules of kinds.
    async fn access_version(&self) -> Result<i64>;

    /// Everybody, the removed ones too, by name.
    async fn people(&self) -> Result<Vec<Person>>;
    /// Adds somebody without a password. Refused: `name_taken`. The name has been checked before.
    async fn add_person(&self, name: &str, role: Role, by: &By) -> Result<UserId>;
    /// Changes somebody. Refused: `no_such_user`, `last_administrator` where nobody could undo it.
    async fn change_person(&self, user: UserId, change: PersonChange, by: &By) -> Result<()>;
    /// The password hash of who is called like this, unless removed or without one.
    async fn password(&self, name: &str) -> Result<Option<(UserId, String)>>;
    /// Soft: they were here.
    fn touch_person(&self, user: UserId, at: Micros);

    /// Keeps a link in place of all others for the same person. Refused: `already_set_up` for a setup link where there is
    /// an administrator, `no_such_user`.
    async fn save_link(&self, link: NewLink, by: &By) -> Result<()>;
    /// Whom a link is for; `None` where it has been used or its time is over.
    async fn link(&self, key: &[u8]) -> Result<Option<LinkFor>>;
    /// Uses a link up: sets the password, makes the first administrator where it is for that, ends the person's sessions.
    /// Refused: `link_used`, `name_taken`.
    async fn use_link(&self, link: UseLink) -> Result<UserId>;

    /// Creates a session; `false` if the key is taken. Refused: `no_such_user` where its owner has been removed.
    async fn create_session(&self, key: &[u8], session: SessionRow) -> Result<bool>;
    /// Replaces a session, or creates it where nobody owns it: one with an owner that has been ended stays so, whatever a
    /// request that was under way has to save.
    async fn save_session(&self, key: &[u8], session: SessionRow) -> Result<()>;
    /// A session, unless expired, or owned and not used since `idle_since`.
    async fn load_session(&self, key: &[u8], now: Micros, idle_since: Micros) -> Result<Option<SessionRow>>;
    /// Whose sessions those with these keys are, in any order; without those that [`Accounts::load_session`] would not
    /// answer, and those that nobody owns.
    async fn session_owners(
        &self,
        keys: &[[u8; 32]],
        now: Micros,
        idle_since: Micros,
    ) -> Result<Vec<([u8; 32], SessionOwner)>>;
    /// Soft: it was used.
    fn touch_session(&self, key: &[u8], at: Micros);
    /// Removes a session without a word in the audit log: its person signs out, its id changes, or nobody had signed in.
    async fn delete_session(&self, key: &[u8]) -> Result<()>;
    /// Removes the expired, and the owned that were not used since `idle_since`.
    async fn sweep_sessions(&self, now: Micros, idle_since: Micros) -> Result<u64>;
    /// A person's sessions, the last used first, but for the expired.
    async fn sessions(&self, user: UserId) -> Result<Vec<SessionInfo>>;
    /// Ends sessions of a person; answers how many.
    async fn end_sessions(&self, user: UserId, which: Ending, by: &By) -> Result<u64>;

    /// Makes a token. Refused: `name_taken`, `no_such_user`.
    async fn add_token(&self, token: NewToken, by: &By) -> Result<TokenId>;
    /// The token with this key, unless expired, revoked, or its person removed.
    async fn token(&self, key: &[u8], now: Micros) -> Result<Option<Token>>;
    /// Tokens of one person, or of all, the newest first; expired ones too.
    async fn tokens(&self, user: Option<UserId>) -> Result<Vec<Token>>;
    /// Ends a token. Refused: `no_such_token`.
    async fn revoke_token(&self, token: TokenId, by: &By) -> Result<()>;
    /// Soft: it was used.
    fn touch_token(&self, token: TokenId, at: Micros);

    /// What administrators have decided about kinds.
    async fn kind_rules(&self) -> Result<Vec<KindRule>>;
    /// Decides about a kind.
    async fn change_kind_rule(&self, rule: KindRule, by: &By) -> Result<()>;

    /// Notes something in the audit log.
    async fn note(&self, note: Note) -> Result<()>;
    /// Part of the audit log.
    async fn audit(&self, query: &AuditQuery) -> Result<AuditPage>;
}
