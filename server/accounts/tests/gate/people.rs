use engine::{
    Error,
    store::{Ending, KindRule, SessionOwner, SessionRow},
};
use model::{Micros, Role};

use crate::support::{PASSWORD, World, by, faults, refusal};

#[tokio::test]
async fn a_name_is_given_once_and_never_again() {
    let world = World::new().await;
    let ada = world.person("ada", Role::Viewer).await;
    assert_eq!(faults(world.gate.add_person("Ada", Role::Viewer, &by()).await), ["name"]);
    world.gate.remove_person(ada, &by()).await.unwrap();
    assert_eq!(faults(world.gate.add_person("ada", Role::Viewer, &by()).await), ["name"]);
    assert_eq!(faults(world.gate.add_person("local", Role::Viewer, &by()).await), ["name"]);
}

#[tokio::test]
async fn the_last_administrator_stays_one() {
    let world = World::new().await;
    assert_eq!(refusal(world.gate.change_role(world.root, Role::Viewer, &by()).await), "last_administrator");
    assert_eq!(refusal(world.gate.remove_person(world.root, &by()).await), "last_administrator");
    world.person("ada", Role::Administrator).await;
    world.gate.remove_person(world.root, &by()).await.unwrap();
    assert!(!world.comes_in("root", PASSWORD).await);
    assert!(world.gate.is_set_up());
}

#[tokio::test]
async fn a_time_zone_is_one_that_there_is() {
    let world = World::new().await;
    let zone = || world.gate.directory().person(world.root).unwrap().time_zone.clone();
    world.gate.set_time_zone(world.root, Some(" europe/berlin "), &by()).await.unwrap();
    assert_eq!(zone().as_deref(), Some("Europe/Berlin"));
    for wrong in ["", "Europe/Atlantis", "../../etc/passwd", "+02:00"] {
        assert_eq!(faults(world.gate.set_time_zone(world.root, Some(wrong), &by()).await), ["time_zone"], "{wrong}");
    }
    world.gate.set_time_zone(world.root, None, &by()).await.unwrap();
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
    assert_eq!(world.gate.end_sessions(world.root, others, &by()).await.unwrap(), 1);
    assert_eq!(world.gate.end_sessions(world.root, Ending::All, &by()).await.unwrap(), 1);
    assert_eq!(world.gate.end_sessions(world.root, Ending::All, &by()).await.unwrap(), 0);
}

#[tokio::test]
async fn what_is_decided_about_a_kind_holds_at_once() {
    let world = World::new().await;
    let rule = |kind: &str, start, private| KindRule { kind: kind.to_owned(), start, private };
    assert_eq!(world.gate.directory().rules().of("backup").start, Role::Administrator);
    world.gate.change_kind_rule(rule("backup", Some(Role::Operator), Some(true)), &by()).await.unwrap();
    let decided = world.gate.directory().rules().of("backup");
    assert_eq!((decided.start, decided.private), (Role::Operator, true));
    world.gate.change_kind_rule(rule("backup", None, None), &by()).await.unwrap();
    assert_eq!(world.gate.directory().rules().of("backup").start, Role::Administrator);
    let unknown = world.gate.change_kind_rule(rule("bakcup", None, None), &by()).await;
    assert!(matches!(unknown, Err(Error::UnknownKind { .. })), "{unknown:?}");
    assert_eq!(faults(world.gate.change_kind_rule(rule("backup", Some(Role::Viewer), None), &by()).await), ["start"]);
}
