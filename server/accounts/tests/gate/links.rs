use accounts::{Gatekeeper, LINK_LIFE, Secret};
use engine::store::{LinkFor, NewLink};
use model::{Micros, Role};

use crate::support::{PASSWORD, World, by, faults, gatekeeper, open, refusal};

async fn fresh() -> (Gatekeeper, tempfile::TempDir) {
    let folder = tempfile::TempDir::new().unwrap();
    (gatekeeper(&open(folder.path()).await).await, folder)
}

#[tokio::test]
async fn the_first_administrator_chooses_name_and_password() {
    let (gate, _folder) = fresh().await;
    assert!(!gate.is_set_up());
    let link = gate.make_link(None, &by()).await.unwrap();
    assert_eq!(gate.link_for(link.reveal()).await.unwrap(), Some(LinkFor::Setup));
    assert_eq!(faults(gate.use_link(link.reveal(), "Local", "short", None).await), ["name", "password"]);
    let ada = gate.use_link(link.reveal(), " Ada ", PASSWORD, None).await.unwrap().person;
    assert_eq!((&*ada.name, ada.role, ada.active), ("ada", Role::Administrator, true));
    assert!(gate.is_set_up());
    assert_eq!(gate.link_for(link.reveal()).await.unwrap(), None);
    assert_eq!(refusal(gate.use_link(link.reveal(), "eve", PASSWORD, None).await), "link_used");
    assert_eq!(refusal(gate.make_link(None, &by()).await), "already_set_up");
}

#[tokio::test]
async fn a_new_setup_link_replaces_the_old_one() {
    let (gate, _folder) = fresh().await;
    let old = gate.make_link(None, &by()).await.unwrap();
    let new = gate.make_link(None, &by()).await.unwrap();
    assert_eq!(gate.link_for(old.reveal()).await.unwrap(), None);
    assert_eq!(gate.link_for(new.reveal()).await.unwrap(), Some(LinkFor::Setup));
}

#[tokio::test]
async fn somebody_who_was_added_comes_in_once_they_have_chosen_a_password() {
    let world = World::new().await;
    let (ada, link) = world.gate.add_person(" Ada", Role::Operator, &by()).await.unwrap();
    assert!(!world.gate.directory().person(ada).unwrap().active);
    assert_eq!(world.gate.link_for(link.reveal()).await.unwrap(), Some(LinkFor::Person("ada".into())));
    assert_eq!(faults(world.gate.use_link(link.reveal(), "", "ada", None).await), ["password"]);
    world.gate.use_link(link.reveal(), "not read", PASSWORD, None).await.unwrap();
    assert!(world.gate.directory().person(ada).unwrap().active);
    world.store.flush().await.unwrap();
    let seen = world.store.people().await.unwrap().into_iter().find(|person| person.id == ada).unwrap().seen_at;
    assert!(seen.is_some(), "who has chosen a password was here");
    assert!(world.comes_in("ada", PASSWORD).await);
}

#[tokio::test]
async fn a_link_forgives_what_was_tried_before() {
    let world = World::new().await;
    while !matches!(world.gate.sign_in("root", "forgotten", None).await, Err(accounts::SignIn::TooMany { .. })) {}
    let link = world.gate.make_link(Some(world.root), &by()).await.unwrap();
    world.gate.use_link(link.reveal(), "", "another horse battery", None).await.unwrap();
    assert!(world.comes_in("root", "another horse battery").await);
}

#[tokio::test]
async fn a_link_from_before_a_password_was_changed_cannot_undo_it() {
    let world = World::new().await;
    let link = world.gate.make_link(Some(world.root), &by()).await.unwrap();
    world.gate.change_password(world.root, PASSWORD, "another horse battery", None, &by()).await.unwrap();
    assert_eq!(world.gate.link_for(link.reveal()).await.unwrap(), None);
}

#[tokio::test]
async fn a_link_lives_for_three_days() {
    assert_eq!(LINK_LIFE.as_secs(), 3 * 24 * 60 * 60);
    let world = World::new().await;
    let link = Secret::link();
    let over = NewLink { key: link.key(), user: Some(world.root), expires: Micros(1) };
    world.store.save_link(over, &by()).await.unwrap();
    assert_eq!(world.gate.link_for(link.reveal()).await.unwrap(), None);
    assert_eq!(refusal(world.gate.use_link(link.reveal(), "", PASSWORD, None).await), "link_used");
}

#[tokio::test]
async fn what_is_no_link_is_none() {
    let world = World::new().await;
    for secret in ["", "x", Secret::link().reveal(), Secret::token().reveal(), "é"] {
        assert_eq!(world.gate.link_for(secret).await.unwrap(), None);
        assert_eq!(refusal(world.gate.use_link(secret, "", PASSWORD, None).await), "link_used");
    }
}
