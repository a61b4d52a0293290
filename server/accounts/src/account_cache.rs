//! Account cache: users and rules of kinds in memory, because every request needs them.

use std::{collections::HashMap, sync::Arc};

use engine::{
    access::{Actor, Principal, Rule, Rules},
    store::{KindRule, User, UserId},
};
use model::Role;

/// A snapshot of users and rules at one version of the store.
#[derive(Clone, Debug)]
pub struct AccountCache {
    version: i64,
    users: HashMap<UserId, User>,
    by_name: HashMap<Arc<str>, UserId>,
    rules: Arc<Rules>,
}

impl AccountCache {
    pub(crate) fn new(version: i64, users: Vec<User>, tasks: &[(String, Rule)], decided: &[KindRule]) -> Self {
        let by_name = users.iter().map(|user| (Arc::clone(&user.name), user.id)).collect();
        let users = users.into_iter().map(|user| (user.id, user)).collect();
        Self { version, users, by_name, rules: Arc::new(Rules::new(tasks.iter().cloned(), decided)) }
    }

    /// The version of the store that this is a snapshot of. Every change of a user or rule raises it.
    pub const fn version(&self) -> i64 {
        self.version
    }

    /// The rules of all kinds: defaults of the tasks and decisions of administrators.
    pub const fn rules(&self) -> &Arc<Rules> {
        &self.rules
    }

    /// Returns a user, also one that was removed.
    pub fn user(&self, id: UserId) -> Option<&User> {
        self.users.get(&id)
    }

    /// Returns the user with a name in stored form ([`crate::user_names::fold`]), also one that was removed.
    pub fn user_named(&self, name: &str) -> Option<&User> {
        self.user(*self.by_name.get(name)?)
    }

    /// Returns the display name of the user with a name, also of a removed one; `None` for a user without one, and for
    /// names of no user such as `local`.
    pub fn display_name(&self, name: &str) -> Option<&Arc<str>> {
        self.user_named(name)?.display_name.as_ref()
    }

    /// Returns all users ordered by name, including removed ones.
    pub fn users(&self) -> Vec<&User> {
        let mut users: Vec<&User> = self.users.values().collect();
        users.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        users
    }

    /// Returns what authorisation needs of a user; `None` for a removed user.
    pub fn principal(&self, id: UserId) -> Option<Principal> {
        let user = self.user(id).filter(|user| user.removed_at.is_none())?;
        Some(Principal { user: id, name: Arc::clone(&user.name), role: user.role })
    }

    /// Returns the actor of a user's session; [`Actor::Anonymous`] for a removed user.
    pub fn actor(&self, id: UserId) -> Actor {
        self.principal(id).map_or(Actor::Anonymous, Actor::User)
    }

    /// Whether there is an administrator who can sign in.
    pub fn is_set_up(&self) -> bool {
        let can_sign_in = |user: &User| user.active && user.removed_at.is_none();
        self.users.values().any(|user| user.role == Role::Administrator && can_sign_in(user))
    }
}
