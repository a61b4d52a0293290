//! Accounts: what protects the last administrator, and why changes of users, links and tokens are refused.

use model::{Role, comparable_name};

use crate::{Error, Result, store::KindRule};

/// The shortest prefix of a key that identifies a session, bytes.
pub(in crate::store) const MIN_KEY_PREFIX: usize = 8;

/// Refuses to take the role from, or to remove, the last administrator who can sign in. `others` returns whether there
/// is another; it is only called for an active administrator.
pub(in crate::store) fn check_not_last_administrator(
    name: &str,
    role: Role,
    active: bool,
    others: impl FnOnce() -> Result<bool>,
) -> Result<()> {
    if !active || role != Role::Administrator || others()? {
        return Ok(());
    }
    let message = format!("the only administrator who can sign in is {name}; promote another user first");
    Err(refused("last_administrator", message))
}

pub(in crate::store) fn no_such_user() -> Error {
    refused("no_such_user", "There is no such user any more.")
}

/// Names are never given again, not even those of removed users.
pub(in crate::store) fn user_name_taken(name: &str, removed: bool) -> Error {
    let message = if removed {
        format!("There was a user {name} once, and what they did is kept by that name; choose another one.")
    } else {
        format!("There is a user {name} already; choose another name.")
    };
    refused("name_taken", message)
}

/// Names that look alike are refused, because a user could pass for another one.
pub(in crate::store) fn check_not_mistaken<'n>(
    name: &str,
    others: impl IntoIterator<Item = (&'n str, Option<&'n str>)>,
) -> Result<()> {
    let wanted = comparable_name(name);
    let is_alike = |other: &str| comparable_name(other) == wanted;
    let taken = others.into_iter().any(|(name, shown)| is_alike(name) || shown.is_some_and(is_alike));
    if !taken {
        return Ok(());
    }
    let message = format!("Another user is, or was, called “{name}”. Choose another one, for example with a surname.");
    Err(refused("name_taken", message))
}

pub(in crate::store) fn password_changed() -> Error {
    refused("password_changed", "This is no longer the password.")
}

pub(in crate::store) fn already_set_up() -> Error {
    refused("already_set_up", "There is an administrator already, who can add users.")
}

pub(in crate::store) fn link_used() -> Error {
    refused("link_used", "This link has been used, or its time is over; ask for another one.")
}

pub(in crate::store) fn token_name_taken(name: &str) -> Error {
    refused("name_taken", format!("There is a token {name} already; choose another name, or revoke that one first."))
}

pub(in crate::store) fn no_such_token() -> Error {
    refused("no_such_token", "There is no such token any more.")
}

/// A rule of a kind in the audit log.
pub(in crate::store) fn kind_rule_detail(KindRule { kind, start, private }: &KindRule) -> String {
    let start = start.map_or("as its task says", Role::as_str);
    let private = match private {
        None => "as its task says",
        Some(true) => "yes",
        Some(false) => "no",
    };
    format!("{kind}, start: {start}, private: {private}")
}

fn refused(code: &'static str, message: impl Into<String>) -> Error {
    Error::Refused { code, message: message.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_active_administrator_is_protected() {
        let check = |role, active, others| check_not_last_administrator("ada", role, active, || Ok(others)).is_ok();
        assert!(!check(Role::Administrator, true, false));
        assert!(check(Role::Administrator, true, true));
        assert!(check(Role::Administrator, false, false));
        assert!(check(Role::Viewer, true, false));
    }

    #[test]
    fn name_is_compared_with_both_names_of_others() {
        let others = [("ada", None), ("mei", Some("Mei Lin"))];
        let is_free = |name| check_not_mistaken(name, others).is_ok();
        assert!(["Ada Lovelace", "Mei", "lin"].map(is_free) == [true, false, true]);
        assert!(["ADA", "mei lin", "MeiLin", "m\u{200b}ei"].map(is_free) == [false; 4]);
    }
}
