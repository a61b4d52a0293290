//! Who may do what: one actor, one rule.
//!
//! | action | least role | scope of a token | besides |
//! |---|---|---|---|
//! | look, follow, download | viewer | read | of private kinds only one's own jobs |
//! | send files | operator | start | |
//! | start, steer | operator, or what the kind asks | start | the job must be in sight |
//! | schedule | operator, or what the kind asks | start | of others' schedules only administrators |
//! | delete | operator | start | of others' jobs only administrators |
//! | write to a person, note on a job | operator | start | the job must be in sight |
//! | write to everyone | administrator | start | |
//! | manage queues, people, kinds; read the audit log | administrator | none | |
//! | one's own account | viewer | none | not without accounts |

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use model::{JobView, Role, Scope};

use crate::{
    store::KindRule,
    types::{attribution::Attribution, ids::UserId},
};

pub use crate::types::visibility::{Denied, Rule, Visibility};

/// Who asks for something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Somebody who has not signed in.
    Anonymous,
    /// Whoever reaches a server that works without accounts. May do everything, and has no account.
    Local,
    /// A person, in a browser.
    User(Principal),
    /// A program with a token of a person's: it may do what both of them may.
    Client(Principal, TokenGrant),
}

/// A person, as far as rights go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The number.
    pub user: UserId,
    /// The name; jobs are theirs by it.
    pub name: Arc<str>,
    /// What they may do.
    pub role: Role,
}

/// A token, as far as rights go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenGrant {
    /// What people call it.
    pub name: Arc<str>,
    /// What it may be used for.
    pub scopes: Arc<[Scope]>,
}

/// What somebody is about to do. Every route, page and server function names one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// Nothing that needs a permission: health, script and style, signing in.
    Public,
    /// Look at jobs and tasks.
    See,
    /// Follow what happens, as it happens.
    Follow,
    /// Fetch what a job made.
    Download,
    /// Send a file in.
    Upload,
    /// Start a job.
    Start,
    /// Cancel, retry, pause or resume a job, or let it start now.
    Control,
    /// Remove an ended job for good.
    Delete,
    /// Make, change, pause and delete a schedule.
    Schedule,
    /// Write to one person, or a note on a job.
    Write,
    /// Write to everyone.
    Announce,
    /// Pause and limit queues and kinds.
    ManageQueues,
    /// Add, change and remove people; end their sessions and tokens.
    ManageUsers,
    /// Decide who may start a kind, and who sees its jobs.
    ManageKinds,
    /// Read the audit log.
    ReadAudit,
    /// Change one's own password, sessions, tokens and settings.
    OwnAccount,
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Public,
        Self::See,
        Self::Follow,
        Self::Download,
        Self::Upload,
        Self::Start,
        Self::Control,
        Self::Delete,
        Self::Schedule,
        Self::Write,
        Self::Announce,
        Self::ManageQueues,
        Self::ManageUsers,
        Self::ManageKinds,
        Self::ReadAudit,
        Self::OwnAccount,
    ];

    /// The least role that may do it anywhere; `None` needs none.
    pub const fn role(self) -> Option<Role> {
        match self {
            Self::Public => None,
            Self::See | Self::Follow | Self::Download | Self::OwnAccount => Some(Role::Viewer),
            Self::Upload | Self::Start | Self::Control | Self::Delete | Self::Schedule | Self::Write => {
                Some(Role::Operator)
            }
            Self::Announce | Self::ManageQueues | Self::ManageUsers | Self::ManageKinds | Self::ReadAudit => {
                Some(Role::Administrator)
            }
        }
    }

    /// What a token must be good for; `None` is for people alone.
    pub const fn scope(self) -> Option<Scope> {
        match self {
            Self::See | Self::Follow | Self::Download => Some(Scope::Read),
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
            | Self::OwnAccount => None,
        }
    }
}

/// What it is done to.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'a> {
    /// Nothing in particular: whether the actor may at all.
    Any,
    /// Jobs of a kind, which is to be started.
    Kind(Rule),
    /// One job.
    Job {
        /// What holds for its kind.
        rule: Rule,
        /// Who started it, by name.
        starter: &'a str,
    },
    /// One schedule.
    Schedule {
        /// What holds for its kind.
        rule: Rule,
        /// Whose it is, by name.
        owner: &'a str,
    },
}

/// Whether `actor` may do `action` to `subject`: the only place that decides it.
///
/// # Errors
/// Why not.
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
            Action::Start | Action::Control | Action::Delete | Action::Schedule,
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
    /// How the audit log and the history name whoever acts, from `address`.
    pub fn attribution(&self, address: Option<IpAddr>) -> Attribution {
        let (name, token) = match self {
            Self::Anonymous => ("".into(), None),
            Self::Local => ("local".into(), None),
            Self::User(who) => (Arc::clone(&who.name), None),
            Self::Client(who, pass) => (Arc::clone(&who.name), Some(Arc::clone(&pass.name))),
        };
        Attribution { name, token, address }
    }

    /// The person behind it.
    pub const fn principal(&self) -> Option<&Principal> {
        match self {
            Self::Anonymous | Self::Local => None,
            Self::User(who) | Self::Client(who, _) => Some(who),
        }
    }
}

/// What holds for all kinds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules(HashMap<String, Rule>);

impl Rules {
    /// From what tasks say themselves, and what administrators have decided instead.
    pub fn new(tasks: impl IntoIterator<Item = (String, Rule)>, decided: &[KindRule]) -> Self {
        let mut rules: HashMap<String, Rule> = tasks.into_iter().collect();
        for KindRule { kind, start, private } in decided {
            let rule = rules.entry(kind.clone()).or_default();
            rule.start = start.unwrap_or(rule.start).max(Role::Operator);
            rule.private = private.unwrap_or(rule.private);
        }
        Self(rules)
    }

    /// What holds for one kind.
    pub fn of(&self, kind: &str) -> Rule {
        self.0.get(kind).copied().unwrap_or_default()
    }

    /// The subject that a job is.
    pub fn job<'a>(&self, job: &'a JobView) -> Subject<'a> {
        Subject::Job { rule: self.of(&job.kind), starter: &job.created_by }
    }

    /// What `actor` sees in lists.
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
