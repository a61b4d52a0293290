use engine::{
    Error,
    store::{KindRule, SessionOwner, SessionRow, SessionsToEnd},
};
use model::{Micros, Role};

use crate::support::{PASSWORD, TestAuth, by, invalid_fields, refusal_code};

#[tokio::test]
async fn user_name_is_never_reused() {
    let test = TestAuth::new().await;
    let ada = test.add_user("ada", Role::Viewer).await;
    assert_eq!(invalid_fields(test.auth.add_user("Ada", Role::Viewer, &by()).await), ["name"]);
    test.auth.remove_user(ada, &by()).await.unwrap();
    assert_eq!(invalid_fields(test.auth.add_user("ada", Role::Viewer, &by()).await), ["name"]);
    assert_eq!(invalid_fields(test.auth.add_user("local", Role::Viewer, &by()).await), ["name"]);
}

#[tokio::test]
async fn last_administrator_is_kept() {
    let test = TestAuth::new().await;
    assert_eq!(refusal_code(test.auth.change_role(test.root, Role::Viewer, &by()).await), "last_administrator");
    assert_eq!(refusal_code(test.auth.remove_user(test.root, &by()).await), "last_administrator");
    test.add_user("ada", Role::Administrator).await;
    test.auth.remove_user(test.root, &by()).await.unwrap();
    assert!(!test.can_sign_in("root", PASSWORD).await);
    assert!(test.auth.is_set_up());
}

#[tokio::test]
async fn time_zone_must_exist() {
    let test = TestAuth::new().await;
    let zone = || test.auth.accounts().user(test.root).unwrap().time_zone.clone();
    test.auth.set_time_zone(test.root, Some(" europe/berlin "), &by()).await.unwrap();
    assert_eq!(zone().as_deref(), Some("Europe/Berlin"));
    for wrong in ["", "Europe/Atlantis", "../../etc/passwd", "+02:00"] {
        assert_eq!(
            invalid_fields(test.auth.set_time_zone(test.root, Some(wrong), &by()).await),
            ["time_zone"],
            "{wrong}"
        );
    }
    test.auth.set_time_zone(test.root, None, &by()).await.unwrap();
    assert_eq!(zone(), None);
}

#[tokio::test]
async fn sessions_of_user_are_ended() {
    let test = TestAuth::new().await;
    let far = Micros(i64::MAX);
    for key in [b"one", b"two"] {
        let owner = SessionOwner { user: test.root, device: "Firefox".to_owned(), since: far, used: far };
        let session = SessionRow { data: Vec::new(), expires: far, owner: Some(owner) };
        test.store.create_session(key, session).await.unwrap();
    }
    let others = SessionsToEnd::Others(b"one".to_vec());
    assert_eq!(test.auth.end_sessions(test.root, others, &by()).await.unwrap(), 1);
    assert_eq!(test.auth.end_sessions(test.root, SessionsToEnd::All, &by()).await.unwrap(), 1);
    assert_eq!(test.auth.end_sessions(test.root, SessionsToEnd::All, &by()).await.unwrap(), 0);
}

#[tokio::test]
async fn kind_rule_takes_effect_immediately() {
    let test = TestAuth::new().await;
    let rule = |kind: &str, start, private| KindRule { kind: kind.to_owned(), start, private };
    assert_eq!(test.auth.accounts().rules().of("backup").start, Role::Administrator);
    test.auth.change_kind_rule(rule("backup", Some(Role::Operator), Some(true)), &by()).await.unwrap();
    let decided = test.auth.accounts().rules().of("backup");
    assert_eq!((decided.start, decided.private), (Role::Operator, true));
    test.auth.change_kind_rule(rule("backup", None, None), &by()).await.unwrap();
    assert_eq!(test.auth.accounts().rules().of("backup").start, Role::Administrator);
    let unknown = test.auth.change_kind_rule(rule("bakcup", None, None), &by()).await;
    assert!(matches!(unknown, Err(Error::UnknownKind { .. })), "{unknown:?}");
    assert_eq!(
        invalid_fields(test.auth.change_kind_rule(rule("backup", Some(Role::Viewer), None), &by()).await),
        ["start"]
    );
}
