//! Sessions of browsers.

use engine::store::{Attribution, SessionRow, SessionsToEnd, Store, UserChange, UserId};
use model::{Micros, Role};

use super::{
    super::support::{HOUR, TestStore},
    accounts::{NOW, new_token, person, refusal, root, session},
};

const MINUTE: i64 = 60_000_000;

fn anonymous(data: &[u8], expires: i64) -> SessionRow {
    SessionRow { data: data.to_vec(), expires: Micros(expires), owner: None }
}

/// Returns the keys of a user's sessions.
async fn keys(store: &dyn Store, user: UserId) -> Vec<Vec<u8>> {
    let mut keys: Vec<_> = store.sessions(user).await.expect("read").into_iter().map(|session| session.key).collect();
    keys.sort();
    keys
}

pub(crate) async fn session_is_valid_until_it_expires(test: TestStore) {
    let store = &*test.store;
    let load = async |now| store.load_session(b"key", Micros(now), Micros(i64::MAX)).await.expect("read");
    assert!(store.create_session(b"key", anonymous(b"one", 10)).await.expect("answered"));
    assert!(!store.create_session(b"key", anonymous(b"two", 10)).await.expect("answered"));
    store.save_session(b"key", anonymous(b"three", 20)).await.expect("saved");
    assert_eq!(load(19).await, Some(anonymous(b"three", 20)), "it has no owner, so it does not expire when idle");
    assert_eq!(load(20).await, None);
    store.save_session(b"gone", anonymous(b"x", 99)).await.expect("saved");
    store.delete_session(b"gone").await.expect("deleted");
    assert_eq!(store.load_session(b"gone", Micros(1), Micros(0)).await.expect("read"), None);
    assert_eq!(store.sweep_sessions(Micros(20), Micros(0)).await.expect("swept"), 1);
}

pub(crate) async fn idle_session_expires(test: TestStore) {
    let store = &*test.store;
    let mei = person(store, "mei", Role::Viewer).await;
    for key in [b"used", b"idle"] {
        assert!(store.create_session(key, session(mei)).await.expect("created"));
    }
    assert!(store.create_session(b"anonymous", anonymous(b"", NOW + HOUR)).await.expect("created"));
    let idle_since = Micros(NOW + 5 * MINUTE);
    store.touch_session(b"used", idle_since);
    store.flush().await.expect("written");
    let load = async |key: &[u8]| store.load_session(key, Micros(NOW), idle_since).await.expect("read");
    let used = load(b"used").await.and_then(|row| row.owner).map(|owner| (owner.user, owner.used));
    assert_eq!(used, Some((mei, idle_since)));
    assert_eq!(load(b"idle").await, None);
    assert!(load(b"anonymous").await.is_some());
    assert_eq!(store.sweep_sessions(Micros(NOW), idle_since).await.expect("swept"), 1);
    assert_eq!(keys(store, mei).await, [b"used"]);
    let late = store.load_session(b"used", Micros(NOW + HOUR), idle_since).await.expect("read");
    assert_eq!(late, None, "it ends in any case");
    test.clock.advance(HOUR);
    assert!(keys(store, mei).await.is_empty());
}

pub(crate) async fn sessions_of_user_can_be_ended(test: TestStore) {
    let store = &*test.store;
    let (mei, bob) = (person(store, "mei", Role::Viewer).await, person(store, "bob", Role::Viewer).await);
    let all: [&[u8]; 4] = [b"first of mei", b"second of mei", b"third of mei", b"first of bob"];
    for key in all {
        let owner = if key.ends_with(b"bob") { bob } else { mei };
        assert!(store.create_session(key, session(owner)).await.expect("created"));
    }
    store.touch_session(all[1], Micros(NOW + MINUTE));
    store.flush().await.expect("written");
    let listed = store.sessions(mei).await.expect("read");
    assert_eq!((listed[0].key.as_slice(), listed[0].used), (all[1], Micros(NOW + MINUTE)), "the last used first");
    assert_eq!((listed[0].device.as_str(), listed[0].since), ("Firefox on Linux", Micros(NOW)));
    let end = async |user, which| store.end_sessions(user, which, &root()).await.expect("ended");
    assert_eq!(end(mei, SessionsToEnd::One(b"third o".to_vec())).await, 0, "too short to mean one");
    assert_eq!(end(mei, SessionsToEnd::One(b"first of bob".to_vec())).await, 0, "that is not hers");
    assert_eq!(end(mei, SessionsToEnd::One(b"third of".to_vec())).await, 1);
    assert_eq!(end(mei, SessionsToEnd::Others(all[0].to_vec())).await, 1);
    assert_eq!(keys(store, mei).await, [all[0]]);
    assert_eq!(end(mei, SessionsToEnd::All).await, 1);
    assert_eq!((keys(store, mei).await.len(), keys(store, bob).await), (0, vec![all[3].to_vec()]));
}

pub(crate) async fn password_change_ends_other_sessions(test: TestStore) {
    let store = &*test.store;
    let mei = person(store, "mei", Role::Viewer).await;
    for key in [b"this one", b"that one", b"any one "] {
        assert!(store.create_session(key, session(mei)).await.expect("created"));
    }
    let change = |keep| UserChange::Password { hash: "another".to_owned(), from: None, keep };
    store.change_user(mei, change(Some(b"this one".to_vec())), &Attribution::from("mei")).await.expect("changed");
    assert_eq!(keys(store, mei).await, [b"this one"]);
    store.change_user(mei, change(None), &root()).await.expect("changed");
    assert!(keys(store, mei).await.is_empty());
}

pub(crate) async fn password_change_is_rejected_if_changed_meanwhile(test: TestStore) {
    let store = &*test.store;
    let mei = person(store, "mei", Role::Viewer).await;
    let change = |from: Option<&str>, to: &str| UserChange::Password {
        hash: to.to_owned(),
        from: from.map(str::to_owned),
        keep: None,
    };
    store.change_user(mei, change(None, "first"), &root()).await.expect("changed");
    store.change_user(mei, change(Some("first"), "second"), &root()).await.expect("changed");
    let late = store.change_user(mei, change(Some("first"), "third"), &root()).await;
    assert_eq!(refusal(late), "password_changed");
    assert_eq!(store.password("mei").await.expect("read"), Some((mei, "second".to_owned())));
}

pub(crate) async fn late_save_does_not_restore_ended_session(test: TestStore) {
    let store = &*test.store;
    let mei = person(store, "mei", Role::Viewer).await;
    assert!(store.create_session(b"key", session(mei)).await.expect("created"));
    store.end_sessions(mei, SessionsToEnd::All, &root()).await.expect("ended");
    store.save_session(b"key", session(mei)).await.expect("nothing is there to replace");
    store.touch_session(b"key", Micros(NOW + MINUTE));
    store.flush().await.expect("written");
    assert_eq!(store.load_session(b"key", Micros(NOW), Micros(0)).await.expect("read"), None);
    store.save_session(b"key", anonymous(b"", NOW + HOUR)).await.expect("saved");
    store.save_session(b"key", session(mei)).await.expect("saved");
    let owned = store.load_session(b"key", Micros(NOW), Micros(NOW)).await.expect("read");
    assert_eq!(owned, Some(session(mei)), "sign-in sets the owner of the session");
}

pub(crate) async fn session_last_use_is_stored_to_the_minute(test: TestStore) {
    let store = &*test.store;
    let mei = person(store, "mei", Role::Viewer).await;
    let ci = store.add_token(new_token(mei, "ci"), &root()).await.expect("made");
    let seen = async || {
        store.flush().await.expect("written");
        let person = store.users().await.expect("read").remove(0).seen_at;
        (person, store.tokens(None).await.expect("read").remove(0).used_at)
    };
    assert_eq!(seen().await, (None, None));
    for at in [NOW + 5, NOW + MINUTE + 7, NOW + 9] {
        store.touch_user(mei, Micros(at));
        store.touch_token(ci, Micros(at));
    }
    let minute = Some(Micros(NOW + MINUTE));
    assert_eq!(seen().await, (minute, minute), "the latest");
    store.touch_user(mei, Micros(NOW));
    assert_eq!(seen().await.0, minute, "no earlier one after it");
}

pub(crate) async fn owners_of_many_sessions_are_read_at_once(test: TestStore) {
    let store = &*test.store;
    let (mei, noor) = (person(store, "mei", Role::Viewer).await, person(store, "noor", Role::Viewer).await);
    let idle_since = Micros(NOW + 5 * MINUTE);
    for (key, user) in [(1, mei), (2, noor), (3, noor)] {
        assert!(store.create_session(&[key; 32], session(user)).await.expect("created"));
    }
    assert!(store.create_session(&[4; 32], anonymous(b"", NOW + HOUR)).await.expect("created"));
    for key in [1, 2] {
        store.touch_session(&[key; 32], idle_since);
    }
    store.flush().await.expect("written");
    let keys: Vec<_> = (1..6).map(|key| [key; 32]).collect();
    let owners = async |now| store.session_owners(&keys, Micros(now), idle_since).await.expect("read");
    let mut found: Vec<_> =
        owners(NOW).await.into_iter().map(|(key, owner)| (key[0], owner.user, owner.used)).collect();
    found.sort_unstable();
    assert_eq!(found, [(1, mei, idle_since), (2, noor, idle_since)], "the third is idle, the fourth has no owner");
    assert_eq!(owners(NOW + HOUR).await, []);
}
