use std::time::Duration;

use engine::{access::Actor, store::UserId};
use model::Role;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::support::{World, auth_service, by, open};

#[tokio::test]
async fn somebody_is_who_they_are_now() {
    let world = World::new().await;
    let ada = world.add_user("ada", Role::Viewer).await;
    let role = || world.auth.actor(ada).who().map(|who| who.role);
    assert_eq!(role(), Some(Role::Viewer));
    world.auth.change_role(ada, Role::Operator, &by()).await.unwrap();
    assert_eq!(role(), Some(Role::Operator));
    world.auth.remove_user(ada, &by()).await.unwrap();
    assert_eq!(world.auth.actor(ada), Actor::Nobody);
    assert_eq!(world.auth.actor(UserId(99)), Actor::Nobody);
    let names: Vec<_> = world.auth.accounts().users().iter().map(|person| person.name.to_string()).collect();
    assert_eq!(names, ["ada", "root"]);
}

#[tokio::test]
async fn whoever_follows_the_directory_hears_of_each_change() {
    let world = World::new().await;
    let mut changes = world.auth.subscribe();
    changes.mark_unchanged();
    world.auth.refresh().await.unwrap();
    assert!(!changes.has_changed().unwrap());
    let ada = world.add_user("ada", Role::Viewer).await;
    assert!(changes.has_changed().unwrap());
    assert!(changes.borrow_and_update().user(ada).unwrap().active);
}

#[tokio::test]
async fn what_another_process_changes_is_known_soon() {
    let world = World::new().await;
    let stop = CancellationToken::new();
    let auth = world.auth.clone();
    let watching = tokio::spawn({
        let stop = stop.clone();
        async move { auth.watch(stop).await }
    });
    let mut changes = world.auth.subscribe();
    changes.mark_unchanged();
    let other = auth_service(&open(world.folder.path()).await).await;
    let (ada, _) = other.add_user("ada", Role::Viewer, &by()).await.unwrap();
    let changed = changes.wait_for(|accounts| accounts.user(ada).is_some());
    timeout(Duration::from_secs(20), changed).await.unwrap().unwrap();
    stop.cancel();
    timeout(Duration::from_secs(20), watching).await.unwrap().unwrap();
}
