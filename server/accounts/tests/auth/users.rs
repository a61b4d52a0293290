use engine::{
    Error,
    store::{Ending, KindRule, SessionOwner, SessionRow},
};
use model::{Micros, Role};

use crate::support::{PASSWORD, World, by, faults, refusal};

#[tokio::test]
async fn a_name_is_given_once_and_never_again() {
    let world = World::new().await;
    let ada = world.add_user("ada", Role::Viewer).await;
    assert_eq!(faults(world.auth.add_user("Ada", Role::Viewer, &by()).await), ["name"]);
    world.auth.remove_user(ada, &by()).await.unwrap();
    assert_eq!(faults(world.auth.add_user("ada", Role::Viewer, &by()).await), ["name"]);
    assert_eq!(faults(world.auth.add_user("local", Role::Viewer, &by()).await), ["name"]);
}

#[tokio::test]
async fn the_last_administrator_stays_one() {
    let world = World::new().await;
    assert_eq!(refusal(world.auth.change_role(world.root, Role::Viewer, &by()).await), "last_administrator");
    assert_eq!(refusal(world.auth.remove_user(world.root, &by()).await), "last_administrator");
    world.add_user("ada", Role::Administrator).await;
    world.auth.remove_user(world.root, &by()).await.unwrap();
    assert!(!world.can_sign_in("root", PASSWORD).await);
    assert!(world.auth.is_set_up());
}

#[tokio::test]
async fn a_time_zone_is_one_that_there_is() {
    let world = World::new().await;
    let zone = || world.auth.accounts().user(world.root).unwrap().time_zone.clone();
    world.auth.set_time_zone(world.root, Some(" europe/berlin "), &by()).await.unwrap();
    assert_eq!(zone().as_deref(), Some("Europe/Berlin"));
    for wrong in ["", "Europe/Atlantis", "../../etc/passwd", "+02:00"] {
        assert_eq!(faults(world.auth.set_time_zone(world.root, Some(wrong), &by()).await), ["time_zone"], "{wrong}");
    }
    world.auth.set_time_zone(world.root, None, &by()).await.unwrap();
    assert_eq!(zone(), None);
}

#[tokio::test]
async fn sessions_of_somebody_can_be_ended() {
    let world = World::new().await;
    let far = Micros(i64::MAX);
    for key in [b"one", b"two"] {
        let owner = SessionOwner { user: world.root, device: "Firefox".to_owned(), since: far, used: far };
        let session = SessionRow { data: Vec::new(), expires: far, owner: Some(owner) };
        world.store.create_session(key, session).await.unwrap();
    }
    let others = Ending::Others(b"one".to_vec());
    assert_eq!(world.auth.end_sessions(world.root, others, &by()).await.unwrap(), 1);
    assert_eq!(world.auth.end_sessions(world.root, Ending::All, &by()).await.unwrap(), 1);
    assert_eq!(world.auth.end_sessions(world.root, Ending::All, &by()).await.unwrap(), 0);
}

#[tokio::test]
async fn what_is_decided_about_a_kind_holds_at_once() {
    let world = World::new().await;
    let rule = |kind: &str, start, private| KindRule { kind: kind.to_owned(), start, private };
    assert_eq!(world.auth.accounts().rules().of("backup").start, Role::Administrator);
    world.auth.change_kind_rule(rule("backup", Some(Role::Operator), Some(true)), &by()).await.unwrap();
    let decided = world.auth.accounts().rules().of("backup");
    assert_eq!((decided.start, decided.private), (Role::Operator, true));
    world.auth.change_kind_rule(rule("backup", None, None), &by()).await.unwrap();
    assert_eq!(world.auth.accounts().rules().of("backup").start, Role::Administrator);
    let unknown = world.auth.change_kind_rule(rule("bakcup", None, None), &by()).await;
    assert!(matches!(unknown, Err(Error::UnknownKind { .. })), "{unknown:?}");
    assert_eq!(faults(world.auth.change_kind_rule(rule("backup", Some(Role::Viewer), None), &by()).await), ["start"]);
}
