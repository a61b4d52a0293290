use accounts::{AuthService, LINK_LIFETIME, Secret};
use engine::store::{LinkFor, NewLink};
use model::{Micros, Role};

use crate::support::{PASSWORD, World, auth_service, by, faults, open, refusal};

async fn fresh() -> (AuthService, tempfile::TempDir) {
    let folder = tempfile::TempDir::new().unwrap();
    (auth_service(&open(folder.path()).await).await, folder)
}

#[tokio::test]
async fn the_first_administrator_chooses_name_and_password() {
    let (auth, _folder) = fresh().await;
    assert!(!auth.is_set_up());
    let link = auth.make_link(None, &by()).await.unwrap();
    assert_eq!(auth.link_for(link.reveal()).await.unwrap(), Some(LinkFor::Setup));
    assert_eq!(faults(auth.use_link(link.reveal(), "Local", "short", None).await), ["name", "password"]);
    let ada = auth.use_link(link.reveal(), " Ada ", PASSWORD, None).await.unwrap().user;
    assert_eq!((&*ada.name, ada.role, ada.active), ("ada", Role::Administrator, true));
    assert!(auth.is_set_up());
    assert_eq!(auth.link_for(link.reveal()).await.unwrap(), None);
    assert_eq!(refusal(auth.use_link(link.reveal(), "eve", PASSWORD, None).await), "link_used");
    assert_eq!(refusal(auth.make_link(None, &by()).await), "already_set_up");
}

#[tokio::test]
async fn a_new_setup_link_replaces_the_old_one() {
    let (auth, _folder) = fresh().await;
    let old = auth.make_link(None, &by()).await.unwrap();
    let new = auth.make_link(None, &by()).await.unwrap();
    assert_eq!(auth.link_for(old.reveal()).await.unwrap(), None);
    assert_eq!(auth.link_for(new.reveal()).await.unwrap(), Some(LinkFor::Setup));
}

#[tokio::test]
async fn somebody_who_was_added_comes_in_once_they_have_chosen_a_password() {
    let world = World::new().await;
    let (ada, link) = world.auth.add_user(" Ada", Role::Operator, &by()).await.unwrap();
    assert!(!world.auth.accounts().user(ada).unwrap().active);
    assert_eq!(world.auth.link_for(link.reveal()).await.unwrap(), Some(LinkFor::Person("ada".into())));
    assert_eq!(faults(world.auth.use_link(link.reveal(), "", "ada", None).await), ["password"]);
    world.auth.use_link(link.reveal(), "not read", PASSWORD, None).await.unwrap();
    assert!(world.auth.accounts().user(ada).unwrap().active);
    world.store.flush().await.unwrap();
    let seen = world.store.people().await.unwrap().into_iter().find(|person| person.id == ada).unwrap().seen_at;
    assert!(seen.is_some(), "who has chosen a password was here");
    assert!(world.can_sign_in("ada", PASSWORD).await);
}

#[tokio::test]
async fn a_link_forgives_what_was_tried_before() {
    let world = World::new().await;
    while !matches!(
        world.auth.sign_in("root", "forgotten", None).await,
        Err(accounts::SignInError::TooManyTries { .. })
    ) {}
    let link = world.auth.make_link(Some(world.root), &by()).await.unwrap();
    world.auth.use_link(link.reveal(), "", "another horse battery", None).await.unwrap();
    assert!(world.can_sign_in("root", "another horse battery").await);
}

#[tokio::test]
async fn a_link_from_before_a_password_was_changed_cannot_undo_it() {
    let world = World::new().await;
    let link = world.auth.make_link(Some(world.root), &by()).await.unwrap();
    world.auth.change_password(world.root, PASSWORD, "another horse battery", None, &by()).await.unwrap();
    assert_eq!(world.auth.link_for(link.reveal()).await.unwrap(), None);
}

#[tokio::test]
async fn a_link_lives_for_three_days() {
    assert_eq!(LINK_LIFETIME.as_secs(), 3 * 24 * 60 * 60);
    let world = World::new().await;
    let link = Secret::link();
    let over = NewLink { key: link.key(), user: Some(world.root), expires: Micros(1) };
    world.store.save_link(over, &by()).await.unwrap();
    assert_eq!(world.auth.link_for(link.reveal()).await.unwrap(), None);
    assert_eq!(refusal(world.auth.use_link(link.reveal(), "", PASSWORD, None).await), "link_used");
}

#[tokio::test]
async fn what_is_no_link_is_none() {
    let world = World::new().await;
    for secret in ["", "x", Secret::link().reveal(), Secret::token().reveal(), "é"] {
        assert_eq!(world.auth.link_for(secret).await.unwrap(), None);
        assert_eq!(refusal(world.auth.use_link(secret, "", PASSWORD, None).await), "link_used");
    }
}

#[tokio::test]
async fn a_link_ends_with_the_password_that_it_would_replace() {
    let world = World::new().await;
    let link = world.auth.make_link(Some(world.root), &by()).await.unwrap();
    world.auth.change_password(world.root, PASSWORD, "another horse battery", None, &by()).await.unwrap();
    assert_eq!(world.auth.link_for(link.reveal()).await.unwrap(), None);
    assert_eq!(refusal(world.auth.use_link(link.reveal(), "", PASSWORD, None).await), "link_used");
}
