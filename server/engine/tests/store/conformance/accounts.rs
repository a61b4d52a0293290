//! Users, one-time links, tokens and rules of kinds.

use engine::{
    Error,
    store::{
        Attribution, AuditNote, KindRule, LinkFor, NewLink, NewToken, SessionOwner, SessionRow, Store, UseLink, User,
        UserChange, UserId,
    },
};
use model::{Micros, Role, Scope};

use super::super::support::{HOUR, TestStore, new_job};

pub(crate) const NOW: i64 = 500_000 * HOUR;

pub(crate) fn root() -> Attribution {
    Attribution::from("root")
}

/// Returns the code of a refusal.
pub(crate) fn refusal<T: std::fmt::Debug>(answer: Result<T, Error>) -> &'static str {
    match answer {
        Err(Error::Refused { code, .. }) => code,
        other => panic!("not refused: {other:?}"),
    }
}

pub(crate) fn link(key: &[u8], user: Option<UserId>) -> NewLink {
    NewLink { key: key.to_owned(), user, expires: Micros(NOW + HOUR) }
}

fn using(key: &[u8], name: &str) -> UseLink {
    UseLink { key: key.to_owned(), name: name.to_owned(), hash: format!("hash of {name}"), address: None }
}

pub(crate) fn new_token(user: UserId, name: &str) -> NewToken {
    NewToken {
        user,
        name: name.to_owned(),
        key: format!("key of {name}").into_bytes(),
        hint: "mp_abc".to_owned(),
        scopes: vec![Scope::Read, Scope::Start],
        expires: Some(Micros(NOW + HOUR)),
    }
}

pub(crate) fn session(user: UserId) -> SessionRow {
    let owner = SessionOwner { user, device: "Firefox on Linux".to_owned(), since: Micros(NOW), used: Micros(NOW) };
    SessionRow { data: b"data".to_vec(), expires: Micros(NOW + HOUR), owner: Some(owner) }
}

/// Adds a user with a password.
pub(crate) async fn person(store: &dyn Store, name: &str, role: Role) -> UserId {
    let user = store.add_user(name, role, &root()).await.expect("added");
    let hash = format!("hash of {name}");
    store.change_user(user, UserChange::Password { hash, from: None, keep: None }, &root()).await.expect("changed");
    user
}

async fn one(store: &dyn Store, user: UserId) -> User {
    let people = store.users().await.expect("read");
    people.into_iter().find(|person| person.id == user).expect("everybody is listed")
}

pub(crate) async fn name_of_removed_user_stays_taken(test: TestStore) {
    let store = &*test.store;
    let mei = person(store, "mei", Role::Viewer).await;
    assert_eq!(refusal(store.add_user("mei", Role::Operator, &root()).await), "name_taken");
    store.change_user(mei, UserChange::Remove, &root()).await.expect("removed");
    assert_eq!(refusal(store.add_user("mei", Role::Operator, &root()).await), "name_taken");
    store.save_link(link(b"setup", None), &root()).await.expect("there is no administrator");
    assert_eq!(refusal(store.use_link(using(b"setup", "mei")).await), "name_taken");
    assert_eq!(store.link(b"setup").await.expect("read"), Some(LinkFor::Setup), "it can be used with another name");
    let ann = store.add_user("ann", Role::Operator, &root()).await.expect("added");
    let people = store.users().await.expect("read");
    assert_eq!(
        people.iter().map(|person| (person.id, &*person.name)).collect::<Vec<_>>(),
        [(ann, "ann"), (mei, "mei")]
    );
    assert_eq!((people[0].removed_at, people[1].removed_at), (None, Some(Micros(NOW))));
    assert_eq!((people[0].role, people[0].created_at), (Role::Operator, Micros(NOW)));
}

pub(crate) async fn user_without_password_cannot_sign_in(test: TestStore) {
    let store = &*test.store;
    let mei = store.add_user("mei", Role::Viewer, &root()).await.expect("added");
    assert_eq!(store.password("mei").await.expect("read"), None);
    assert!(!one(store, mei).await.active);
    let change = UserChange::Password { hash: "hash".to_owned(), from: None, keep: None };
    store.change_user(mei, change, &root()).await.expect("changed");
    assert_eq!(store.password("mei").await.expect("read"), Some((mei, "hash".to_owned())));
    assert!(one(store, mei).await.active);
    let zone = Some("Europe/Vienna".to_owned());
    store.change_user(mei, UserChange::TimeZone(zone.clone()), &root()).await.expect("changed");
    assert_eq!(one(store, mei).await.time_zone, zone);
    assert_eq!(store.password("unknown").await.expect("read"), None);
}

pub(crate) async fn removed_user_has_no_credentials_left(test: TestStore) {
    let store = &*test.store;
    let mei = person(store, "mei", Role::Operator).await;
    store.add_token(new_token(mei, "ci"), &root()).await.expect("made");
    store.save_link(link(b"link", Some(mei)), &root()).await.expect("kept");
    assert!(store.create_session(b"key", session(mei)).await.expect("created"));
    store.change_user(mei, UserChange::Remove, &root()).await.expect("removed");
    assert_eq!(store.password("mei").await.expect("read"), None);
    assert_eq!(store.token(b"key of ci", Micros(NOW)).await.expect("read"), None);
    assert_eq!(store.link(b"link").await.expect("read"), None);
    assert_eq!(store.load_session(b"key", Micros(NOW), Micros(0)).await.expect("read"), None);
    assert_eq!(store.tokens(None).await.expect("read"), []);
    let again = store.change_user(mei, UserChange::Role(Role::Viewer), &root()).await;
    assert_eq!(refusal(again), "no_such_user");
    assert_eq!(refusal(store.add_token(new_token(mei, "ci"), &root()).await), "no_such_user");
    assert_eq!(refusal(store.save_link(link(b"link", Some(mei)), &root()).await), "no_such_user");
    assert_eq!(refusal(store.create_session(b"other", session(mei)).await), "no_such_user");
}

pub(crate) async fn last_active_administrator_cannot_be_removed(test: TestStore) {
    let store = &*test.store;
    let ann = person(store, "ann", Role::Administrator).await;
    let idle = store.add_user("idle", Role::Administrator, &root()).await.expect("added");
    person(store, "mei", Role::Operator).await;
    let demote = UserChange::Role(Role::Operator);
    for change in [demote.clone(), UserChange::Remove] {
        assert_eq!(refusal(store.change_user(ann, change, &root()).await), "last_administrator");
    }
    assert_eq!(one(store, ann).await.role, Role::Administrator);
    store.change_user(idle, demote.clone(), &root()).await.expect("who has no password could undo nothing");
    let bob = person(store, "bob", Role::Administrator).await;
    store.change_user(ann, demote.clone(), &root()).await.expect("bob is there");
    assert_eq!(one(store, ann).await.role, Role::Operator);
    assert_eq!(refusal(store.change_user(bob, UserChange::Remove, &root()).await), "last_administrator");
    store.change_user(ann, UserChange::Role(Role::Administrator), &root()).await.expect("changed");
    store.change_user(bob, UserChange::Remove, &root()).await.expect("ann is there");
    assert_eq!(refusal(store.change_user(ann, demote, &root()).await), "last_administrator", "bob is gone");
}

pub(crate) async fn first_administrator_is_created_once(test: TestStore) {
    let store = &*test.store;
    store.save_link(link(b"setup", None), &Attribution::default()).await.expect("kept");
    assert_eq!(store.link(b"setup").await.expect("read"), Some(LinkFor::Setup));
    let ann = store.use_link(using(b"setup", "ann")).await.expect("used");
    assert_eq!((one(store, ann).await.role, &*one(store, ann).await.name), (Role::Administrator, "ann"));
    assert_eq!(store.password("ann").await.expect("read"), Some((ann, "hash of ann".to_owned())));
    assert_eq!(refusal(store.use_link(using(b"setup", "eve")).await), "link_used");
    assert_eq!(refusal(store.save_link(link(b"more", None), &Attribution::default()).await), "already_set_up");
}

pub(crate) async fn link_is_used_once_before_it_expires(test: TestStore) {
    let store = &*test.store;
    let mei = person(store, "mei", Role::Viewer).await;
    assert!(store.create_session(b"key", session(mei)).await.expect("created"));
    store.save_link(link(b"link", Some(mei)), &root()).await.expect("kept");
    assert_eq!(store.link(b"link").await.expect("read"), Some(LinkFor::User("mei".into())));
    assert_eq!(store.use_link(using(b"link", "another name is not read")).await.expect("used"), mei);
    let hash = store.password("mei").await.expect("read").expect("chosen").1;
    assert_eq!(hash, "hash of another name is not read");
    assert_eq!(store.sessions(mei).await.expect("read"), [], "using a link ends all sessions");
    assert_eq!(store.link(b"link").await.expect("read"), None);
    assert_eq!(refusal(store.use_link(using(b"link", "mei")).await), "link_used");
    assert_eq!(refusal(store.use_link(using(b"never made", "mei")).await), "link_used");

    store.save_link(link(b"late", Some(mei)), &root()).await.expect("kept");
    test.clock.advance(HOUR);
    assert_eq!(store.link(b"late").await.expect("read"), None);
    assert_eq!(refusal(store.use_link(using(b"late", "mei")).await), "link_used");
}

pub(crate) async fn new_link_replaces_the_old_one(test: TestStore) {
    let store = &*test.store;
    let mei = store.add_user("mei", Role::Viewer, &root()).await.expect("added");
    let bob = store.add_user("bob", Role::Viewer, &root()).await.expect("added");
    for (key, user) in [(b"mei 1", Some(mei)), (b"bob 1", Some(bob)), (b"set 1", None)] {
        store.save_link(link(key, user), &root()).await.expect("kept");
    }
    for (key, user) in [(b"mei 2", Some(mei)), (b"set 2", None)] {
        store.save_link(link(key, user), &root()).await.expect("kept");
    }
    for (key, there) in [(b"mei 1", false), (b"bob 1", true), (b"set 1", false), (b"mei 2", true), (b"set 2", true)] {
        assert_eq!(store.link(key).await.expect("read").is_some(), there, "{key:?}");
    }
}

pub(crate) async fn token_is_valid_until_expired_or_revoked(test: TestStore) {
    let store = &*test.store;
    let mei = person(store, "mei", Role::Operator).await;
    let bob = person(store, "bob", Role::Viewer).await;
    let ci = store.add_token(new_token(mei, "ci"), &root()).await.expect("made");
    assert_eq!(refusal(store.add_token(new_token(mei, "ci"), &root()).await), "name_taken");
    let of_bob = NewToken { key: b"other".to_vec(), expires: None, ..new_token(bob, "ci") };
    let other = store.add_token(of_bob, &root()).await.expect("names are each person's own");
    let token = store.token(b"key of ci", Micros(NOW + HOUR - 1)).await.expect("read").expect("good");
    assert_eq!((token.id, token.user, &*token.user_name, &*token.name), (ci, mei, "mei", "ci"));
    assert_eq!((token.hint.as_str(), token.scopes), ("mp_abc", vec![Scope::Read, Scope::Start]));
    assert_eq!((token.created_at, token.expires), (Micros(NOW), Some(Micros(NOW + HOUR))));
    assert_eq!(store.token(b"key of ci", Micros(NOW + HOUR)).await.expect("read"), None);
    assert!(store.token(b"other", Micros(i64::MAX)).await.expect("read").is_some(), "it is good for ever");
    let ids = async |user| store.tokens(user).await.expect("read").iter().map(|token| token.id).collect::<Vec<_>>();
    assert_eq!((ids(None).await, ids(Some(mei)).await), (vec![other, ci], vec![ci]));
    store.revoke_token(other, &root()).await.expect("revoked");
    assert_eq!(refusal(store.revoke_token(other, &root()).await), "no_such_token");
    assert_eq!(store.token(b"other", Micros(NOW)).await.expect("read"), None);
    let again = store.add_token(NewToken { key: b"new".to_vec(), ..new_token(bob, "ci") }, &root()).await;
    assert!(again.expect("the name is free again") > other, "the number is not");
}

pub(crate) async fn kind_rule_is_the_latest_decision(test: TestStore) {
    let store = &*test.store;
    let rule = |start, private| KindRule { kind: "crawl".to_owned(), start, private };
    for rule in [rule(Some(Role::Administrator), None), rule(None, Some(true)), rule(Some(Role::Operator), Some(false))]
    {
        store.change_kind_rule(rule.clone(), &root()).await.expect("decided");
        assert_eq!(store.kind_rules().await.expect("read"), [rule]);
    }
    store.change_kind_rule(rule(None, None), &root()).await.expect("decided");
    assert_eq!(store.kind_rules().await.expect("read"), []);
}

pub(crate) async fn access_version_rises_only_with_permission_changes(test: TestStore) {
    let store = &*test.store;
    let mut version = store.access_version().await.expect("read");
    let mut rose = async || {
        let before = std::mem::replace(&mut version, store.access_version().await.expect("read"));
        before < version
    };
    let ann = store.add_user("ann", Role::Administrator, &root()).await.expect("added");
    assert!(rose().await, "a user is added");
    let password = |keep| UserChange::Password { hash: "hash".to_owned(), from: None, keep };
    for change in [password(None), UserChange::TimeZone(Some("UTC".to_owned()))] {
        store.change_user(ann, change, &root()).await.expect("changed");
        assert!(rose().await, "a user is changed");
    }
    let mei = store.add_user("mei", Role::Viewer, &root()).await.expect("added");
    assert!(rose().await);
    store.change_user(mei, UserChange::Role(Role::Operator), &root()).await.expect("changed");
    assert!(rose().await, "a role is changed");
    store.change_user(mei, UserChange::Role(Role::Operator), &root()).await.expect("it is so already");
    assert!(!rose().await);

    store.save_link(link(b"link", Some(mei)), &root()).await.expect("kept");
    assert!(!rose().await, "a link gives no right until it is used");
    store.use_link(using(b"link", "")).await.expect("used");
    assert!(rose().await, "a link is used");

    assert!(store.create_session(b"key", session(mei)).await.expect("created"));
    store.save_session(b"key", session(mei)).await.expect("saved");
    store.touch_session(b"key", Micros(NOW + 2 * 60_000_000));
    store.touch_user(mei, Micros(NOW));
    store.flush().await.expect("written");
    assert!(!rose().await, "a session comes and goes");
    assert_eq!(store.end_sessions(mei, engine::store::SessionsToEnd::All, &root()).await.expect("ended"), 1);
    assert!(rose().await, "a session is ended");
    assert_eq!(store.end_sessions(mei, engine::store::SessionsToEnd::All, &root()).await.expect("ended"), 0);
    assert!(!rose().await, "there was none");

    let token = store.add_token(new_token(mei, "ci"), &root()).await.expect("made");
    assert!(rose().await, "a token is made");
    store.revoke_token(token, &root()).await.expect("revoked");
    assert!(rose().await, "a token is revoked");

    let rule = KindRule { kind: "a".to_owned(), start: None, private: Some(true) };
    store.change_kind_rule(rule.clone(), &root()).await.expect("decided");
    assert!(rose().await, "a rule is changed");
    store.change_kind_rule(rule, &root()).await.expect("decided");
    assert!(!rose().await, "it was so already");
    store.change_user(mei, UserChange::Remove, &root()).await.expect("removed");
    assert!(rose().await, "a user is removed");

    refusal(store.change_user(ann, UserChange::Remove, &root()).await);
    store.add_audit_note(AuditNote { by: root(), what: "signed_in", detail: String::new() }).await.expect("noted");
    store.enqueue(new_job("a")).await.expect("accepted");
    assert!(!rose().await, "nothing of that changes a right");
}
