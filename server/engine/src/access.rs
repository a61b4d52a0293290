//! Access policy: `authorise` decides whether an actor may do an action to a job, a kind or a schedule.
//!
//! | action | least role | scope of a token | besides |
//! |---|---|---|---|
//! | see, follow, download | viewer | read | of private kinds only one's own jobs |
//! | upload | operator | start | |
//! | start, control | operator, or the role of the kind | start | the job must be visible |
//! | report | operator, or the role of the kind | report | |
//! | schedule | operator, or the role of the kind | start | administrators only for schedules of others |
//! | delete | operator | start | administrators only for jobs of others |
//! | message to a user, note on a job | operator | start | the job must be visible |
//! | message to everyone | administrator | start | |
//! | manage queues, users, kinds; read the audit log; administer the server | administrator | none | |
//! | own account | viewer | none | not without accounts |

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use model::{JobView, Role, Scope};

use crate::{
    store::KindRule,
    types::{attribution::Attribution, ids::UserId},
};

pub use crate::types::visibility::{Denied, Rule, Visibility};

/// The actor of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A user who has not signed in.
    Anonymous,
    /// Any user of a server without accounts. May do everything, and has no account.
    Local,
    /// A signed-in user, in a browser.
    User(Principal),
    /// A client with a user's token. It may do what both the user and the token may.
    Client(Principal, TokenGrant),
}

/// A user's identity and role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The user's id.
    pub user: UserId,
    /// The user's name, which owns jobs.
    pub name: Arc<str>,
    /// The user's role.
    pub role: Role,
}

/// The name and scopes of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenGrant {
    /// Its name, chosen by the user.
    pub name: Arc<str>,
    /// Its scopes.
    pub scopes: Arc<[Scope]>,
}

/// An action that needs permission. Every route, page and server function names one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// Needs no permission: health, script and style, signing in.
    Public,
    /// Look at jobs and tasks.
    See,
    /// Open an event stream.
    Follow,
    /// Download artifacts, logs and results.
    Download,
    /// Upload a file.
    Upload,
    /// Start a job.
    Start,
    /// Report a job that runs elsewhere.
    Report,
    /// Cancel, retry, pause or resume a job, or start it now.
    Control,
    /// Delete an ended job.
    Delete,
    /// Add, change, pause and delete a schedule.
    Schedule,
    /// Send a message to one user, or add a note to a job.
    Write,
    /// Send a message to everyone.
    Announce,
    /// Pause and limit queues and kinds.
    ManageQueues,
    /// Add, change and remove users; end their sessions and tokens.
    ManageUsers,
    /// Set who may start jobs of a kind and who can see them.
    ManageKinds,
    /// Read the audit log.
    ReadAudit,
    /// See where the server keeps its data and which processes work on it; hide the first steps.
    Administer,
    /// Change one's own password, sessions, tokens and settings.
    OwnAccount,
}

impl Action {
    /// All actions.
    pub const ALL: [Self; 18] = [
        Self::Public,
        Self::See,
        Self::Follow,
        Self::Download,
        Self::Upload,
        Self::Start,
        Self::Report,
        Self::Control,
        Self::Delete,
        Self::Schedule,
        Self::Write,
        Self::Announce,
        Self::ManageQueues,
        Self::ManageUsers,
        Self::ManageKinds,
        Self::ReadAudit,
        Self::Administer,
        Self::OwnAccount,
    ];

    /// The least role for the action; `None` if it needs none.
    pub const fn role(self) -> Option<Role> {
        match self {
            Self::Public => None,
            Self::See | Self::Follow | Self::Download | Self::OwnAccount => Some(Role::Viewer),
            Self::Upload | Self::Start | Self::Report | Self::Control | Self::Delete | Self::Schedule | Self::Write => {
                Some(Role::Operator)
            }
            Self::Announce
            | Self::ManageQueues
            | Self::ManageUsers
            | Self::ManageKinds
            | Self::ReadAudit
            | Self::Administer => Some(Role::Administrator),
        }
    }

    /// The scope that a token needs; `None` if no token suffices.
    pub const fn scope(self) -> Option<Scope> {
        match self {
            Self::See | Self::Follow | Self::Download => Some(Scope::Read),
            Self::Report => Some(Scope::Report),
            Self::Upload
            | Self::Start
            | Self::Control
            | Self::Delete
            | Self::Schedule
            | Self::Write
            | Self::Announce => Some(Scope::Start),
            Self::Public
            | Self::ManageQueues
            | Self::ManageUsers
            | Self::ManageKinds
            | Self::ReadAudit
            | Self::Administer
            | Self::OwnAccount => None,
        }
    }
}

/// The subject of an action.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'a> {
    /// No subject: whether the actor may do the action at all.
    Any,
    /// A new job of a kind.
    Kind(Rule),
    /// One job.
    Job {
        /// Rule of its kind.
        rule: Rule,
        /// Name of the user who started it.
        starter: &'a str,
    },
    /// One schedule.
    Schedule {
        /// Rule of its kind.
        rule: Rule,
        /// Name of its owner.
        owner: &'a str,
    },
}

/// Decides whether `actor` may do `action` to `subject`. The only such decision in the project.
///
/// # Errors
/// The reason of the denial.
pub fn authorise(actor: &Actor, action: Action, subject: Subject<'_>) -> Result<(), Denied> {
    let Some(least) = action.role() else { return Ok(()) };
    let (who, pass) = match actor {
        Actor::Anonymous => return Err(Denied::SignIn),
        Actor::Local if action == Action::OwnAccount || action == Action::ManageUsers => {
            return Err(Denied::NoAccounts);
        }
        Actor::Local => return Ok(()),
        Actor::User(who) => (who, None),
        Actor::Client(who, pass) => (who, Some(pass)),
    };
    if let Some(pass) = pass
        && action.scope().is_none_or(|scope| !pass.scopes.contains(&scope))
    {
        return Err(Denied::Scope(action.scope()));
    }
    if who.role < least {
        return Err(Denied::Role(least));
    }
    if let Subject::Job { rule, starter } | Subject::Schedule { rule, owner: starter } = subject
        && !sees(who, rule, starter)
    {
        return Err(Denied::Hidden);
    }
    let asked = match (action, subject) {
        (
            Action::Start | Action::Report | Action::Control | Action::Delete | Action::Schedule,
            Subject::Kind(rule) | Subject::Job { rule, .. } | Subject::Schedule { rule, .. },
        ) => least.max(rule.start),
        _ => least,
    };
    if who.role < asked {
        return Err(Denied::Role(asked));
    }
    if let (Action::Delete, Subject::Job { starter, .. }) = (action, subject)
        && who.role < Role::Administrator
        && *who.name != *starter
    {
        return Err(Denied::NotOwn);
    }
    if let (Action::Schedule, Subject::Schedule { owner, .. }) = (action, subject)
        && who.role < Role::Administrator
        && *who.name != *owner
    {
        return Err(Denied::NotOwner);
    }
    Ok(())
}

fn sees(who: &Principal, rule: Rule, starter: &str) -> bool {
    !rule.private || who.role == Role::Administrator || *who.name == *starter
}

impl Actor {
    /// The attribution of this actor's actions in the audit log and the history, from `address`.
    pub fn attribution(&self, address: Option<IpAddr>) -> Attribution {
        let (name, token) = match self {
            Self::Anonymous => ("".into(), None),
            Self::Local => ("local".into(), None),
            Self::User(who) => (Arc::clone(&who.name), None),
            Self::Client(who, pass) => (Arc::clone(&who.name), Some(Arc::clone(&pass.name))),
        };
        Attribution { name, token, address }
    }

    /// The user of this actor; `None` if anonymous or without accounts.
    pub const fn principal(&self) -> Option<&Principal> {
        match self {
            Self::Anonymous | Self::Local => None,
            Self::User(who) | Self::Client(who, _) => Some(who),
        }
    }
}

/// Rules of all kinds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules(HashMap<String, Rule>);

impl Rules {
    /// Rules declared by the tasks, overridden by those that administrators set.
    pub fn new(tasks: impl IntoIterator<Item = (String, Rule)>, decided: &[KindRule]) -> Self {
        let mut rules: HashMap<String, Rule> = tasks.into_iter().collect();
        for KindRule { kind, start, private } in decided {
            let rule = rules.entry(kind.clone()).or_default();
            rule.start = start.unwrap_or(rule.start).max(Role::Operator);
            rule.private = private.unwrap_or(rule.private);
        }
        Self(rules)
    }

    /// The rule of one kind.
    pub fn of(&self, kind: &str) -> Rule {
        self.0.get(kind).copied().unwrap_or_default()
    }

    /// A job as a subject.
    pub fn job<'a>(&self, job: &'a JobView) -> Subject<'a> {
        Subject::Job { rule: self.of(&job.kind), starter: &job.created_by }
    }

    /// The jobs that `actor` can see in lists.
    pub fn visibility(&self, actor: &Actor) -> Visibility {
        let hidden = |hides: fn(&Rule) -> bool| {
            let mut kinds: Vec<String> =
                self.0.iter().filter(|(_, rule)| hides(rule)).map(|(kind, _)| kind.clone()).collect();
            kinds.sort_unstable();
            kinds.into()
        };
        match (actor, actor.principal()) {
            (Actor::Anonymous, _) => Visibility { hidden: hidden(|_| true), own: "".into() },
            (_, Some(who)) if who.role < Role::Administrator => {
                Visibility { hidden: hidden(|rule| rule.private), own: Arc::clone(&who.name) }
            }
            (actor, _) => Visibility { hidden: Arc::new([]), own: actor.attribution(None).name },
        }
    }
}
