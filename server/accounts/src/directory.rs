//! Who is known and what holds for kinds, in memory: each request asks for it.

use std::{collections::HashMap, sync::Arc};

use engine::{
    access::{Actor, Rule, Rules, Who},
    store::{KindRule, Person, UserId},
};
use model::Role;

/// People and rules, as they are at one version of them.
#[derive(Clone, Debug)]
pub struct Directory {
    version: i64,
    people: HashMap<UserId, Person>,
    rules: Arc<Rules>,
}

impl Directory {
    pub(crate) fn new(version: i64, people: Vec<Person>, tasks: &[(String, Rule)], decided: &[KindRule]) -> Self {
        let people = people.into_iter().map(|person| (person.id, person)).collect();
        Self { version, people, rules: Arc::new(Rules::new(tasks.iter().cloned(), decided)) }
    }

    /// Rises with every change.
    pub const fn version(&self) -> i64 {
        self.version
    }

    /// What holds for kinds.
    pub const fn rules(&self) -> &Arc<Rules> {
        &self.rules
    }

    /// Somebody, removed or not.
    pub fn person(&self, user: UserId) -> Option<&Person> {
        self.people.get(&user)
    }

    /// Who is called like this, removed or not. The name is as it is kept, in lower case.
    pub fn named(&self, name: &str) -> Option<&Person> {
        self.people.values().find(|person| *person.name == *name)
    }

    /// Everybody, the removed ones too, by name.
    pub fn people(&self) -> Vec<&Person> {
        let mut people: Vec<&Person> = self.people.values().collect();
        people.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        people
    }

    /// A person as far as rights go; `None` where they have been removed.
    pub fn who(&self, user: UserId) -> Option<Who> {
        let person = self.person(user).filter(|person| person.removed_at.is_none())?;
        Some(Who { user, name: Arc::clone(&person.name), role: person.role })
    }

    /// A person in a browser; nobody where they have been removed.
    pub fn actor(&self, user: UserId) -> Actor {
        self.who(user).map_or(Actor::Nobody, Actor::Person)
    }

    /// Whether there is an administrator who can sign in.
    pub fn is_set_up(&self) -> bool {
        let signs_in = |person: &Person| person.active && person.removed_at.is_none();
        self.people.values().any(|person| person.role == Role::Administrator && signs_in(person))
    }
}
