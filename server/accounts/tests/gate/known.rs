use std::time::Duration;

use engine::{access::Actor, store::UserId};
use model::Role;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::support::{World, by, gatekeeper, open};

#[tokio::test]
async fn somebody_is_who_they_are_now() {
    let world = World::new().await;
    let ada = world.person("ada", Role::Viewer).await;
    let role = || world.gate.actor(ada).who().map(|who| who.role);
    assert_eq!(role(), Some(Role::Viewer));
    world.gate.change_role(ada, Role::Operator, &by()).await.unwrap();
    assert_eq!(role(), Some(Role::Operator));
    world.gate.remove_person(ada, &by()).await.unwrap();
    assert_eq!(world.gate.actor(ada), Actor::Nobody);
    assert_eq!(world.gate.actor(UserId(99)), Actor::Nobody);
    let names: Vec<_> = world.gate.directory().people().iter().map(|person| person.name.to_string()).collect();
    assert_eq!(names, ["ada", "root"]);
}

#[tokio::test]
async fn whoever_follows_the_directory_hears_of_each_change() {
    let world = World::new().await;
    let mut changes = world.gate.changes();
    changes.mark_unchanged();
    world.gate.refresh().await.unwrap();
    assert!(!changes.has_changed().unwrap());
    let ada = world.person("ada", Role::Viewer).await;
    assert!(changes.has_changed().unwrap());
    assert!(changes.borrow_and_update().person(ada).unwrap().active);
}

#[tokio::test]
async fn what_another_process_changes_is_known_soon() {
    let world = World::new().await;
    let stop = CancellationToken::new();
    let gate = world.gate.clone();
    let watching = tokio::spawn({
        let stop = stop.clone();
        async move { gate.watch(stop).await }
    });
    let mut changes = world.gate.changes();
    changes.mark_unchanged();
    let other = gatekeeper(&open(world.folder.path()).await).await;
    let (ada, _) = other.add_person("ada", Role::Viewer, &by()).await.unwrap();
    let told = changes.wait_for(|directory| directory.person(ada).is_some());
    timeout(Duration::from_secs(20), told).await.unwrap().unwrap();
    stop.cancel();
    timeout(Duration::from_secs(20), watching).await.unwrap().unwrap();
}
