//! Visibility: which jobs a user can see, and why an action is denied.

use std::sync::Arc;

use model::{JobView, Role, Scope};

/// Who may start and see the jobs of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The least role that may start and control its jobs; operator at least.
    pub start: Role,
    /// Whether its jobs are visible to their owner and administrators only.
    pub private: bool,
}

impl Default for Rule {
    fn default() -> Self {
        Self { start: Role::Operator, private: false }
    }
}

/// Reason why an action is denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Authentication required.
    #[error("authentication required; sign in or send a token")]
    SignIn,
    /// The role is too low; the least role that suffices.
    #[error("this needs the role {0}; an administrator can give it")]
    Role(Role),
    /// The token lacks this scope; `None` where no token suffices.
    #[error("{}", .0.map_or("tokens cannot do this; sign in", needed))]
    Scope(Option<Scope>),
    /// There are no accounts.
    #[error("this server works without accounts (--no-auth)")]
    NoAccounts,
    /// The job is hidden; reported as if it did not exist.
    #[error("there is no such job")]
    Hidden,
    /// The job belongs to another user.
    #[error("only the starter of the job or an administrator can do this")]
    NotOwn,
    /// The schedule belongs to another user.
    #[error("only the owner of the schedule or an administrator can do this")]
    NotOwner,
}

const fn needed(scope: Scope) -> &'static str {
    match scope {
        Scope::Read => "this needs a token with the scope read",
        Scope::Start => "this needs a token with the scope start",
        Scope::Report => "this needs a token with the scope report",
    }
}

/// The jobs and messages that a user can see: all jobs except those of others in private kinds, and messages to
/// everyone or to this user.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Visibility {
    /// Kinds of which only the user's own jobs are visible, sorted.
    pub hidden: Arc<[String]>,
    /// Name of the user whose jobs and messages are visible in any case; `local` without accounts.
    pub own: Arc<str>,
}

impl Default for Visibility {
    /// Everything is visible.
    fn default() -> Self {
        Self { hidden: Arc::new([]), own: "".into() }
    }
}

impl Visibility {
    /// Whether nothing is hidden.
    pub fn is_unrestricted(&self) -> bool {
        self.hidden.is_empty()
    }

    /// Whether the job is visible.
    pub fn can_see(&self, job: &JobView) -> bool {
        self.can_see_of(&job.kind, &job.created_by)
    }

    /// Whether the jobs and schedules of `owner` of this kind are visible.
    pub fn can_see_of(&self, kind: &str, owner: &str) -> bool {
        !self.hides(kind) || *owner == *self.own
    }

    /// Whether jobs of this kind are visible to their owners only.
    pub fn hides(&self, kind: &str) -> bool {
        self.hidden.iter().any(|hidden| hidden == kind)
    }
}
