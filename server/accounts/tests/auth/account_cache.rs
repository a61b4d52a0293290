use std::time::Duration;

use engine::{access::Actor, store::UserId};
use model::Role;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::support::{TestAuth, auth_service, by, open};

#[tokio::test]
async fn actor_has_the_current_role() {
    let test = TestAuth::new().await;
    let ada = test.add_user("ada", Role::Viewer).await;
    let role = || test.auth.actor(ada).principal().map(|who| who.role);
    assert_eq!(role(), Some(Role::Viewer));
    test.auth.change_role(ada, Role::Operator, &by()).await.unwrap();
    assert_eq!(role(), Some(Role::Operator));
    test.auth.remove_user(ada, &by()).await.unwrap();
    assert_eq!(test.auth.actor(ada), Actor::Anonymous);
    assert_eq!(test.auth.actor(UserId(99)), Actor::Anonymous);
    let names: Vec<_> = test.auth.accounts().users().iter().map(|person| person.name.to_string()).collect();
    assert_eq!(names, ["ada", "root"]);
}

#[tokio::test]
async fn subscriber_is_notified_of_each_change() {
    let test = TestAuth::new().await;
    let mut changes = test.auth.subscribe();
    changes.mark_unchanged();
    test.auth.refresh().await.unwrap();
    assert!(!changes.has_changed().unwrap());
    let ada = test.add_user("ada", Role::Viewer).await;
    assert!(changes.has_changed().unwrap());
    assert!(changes.borrow_and_update().user(ada).unwrap().active);
}

#[tokio::test]
async fn change_by_another_process_is_loaded() {
    let test = TestAuth::new().await;
    let stop = CancellationToken::new();
    let auth = test.auth.clone();
    let watching = tokio::spawn({
        let stop = stop.clone();
        async move { auth.watch(stop).await }
    });
    let mut changes = test.auth.subscribe();
    changes.mark_unchanged();
    let other = auth_service(&open(test.folder.path()).await).await;
    let (ada, _) = other.add_user("ada", Role::Viewer, &by()).await.unwrap();
    let updated = changes.wait_for(|accounts| accounts.user(ada).is_some());
    timeout(Duration::from_secs(20), updated).await.unwrap().unwrap();
    stop.cancel();
    timeout(Duration::from_secs(20), watching).await.unwrap().unwrap();
}
