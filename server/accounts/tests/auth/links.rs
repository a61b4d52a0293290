use accounts::{AuthService, LINK_LIFETIME, Secret};
use engine::store::{LinkFor, NewLink};
use model::{Micros, Role};

use crate::support::{PASSWORD, TestAuth, auth_service, by, invalid_fields, open, refusal_code};

async fn fresh() -> (AuthService, tempfile::TempDir) {
    let folder = tempfile::TempDir::new().unwrap();
    (auth_service(&open(folder.path()).await).await, folder)
}

#[tokio::test]
async fn setup_link_creates_first_administrator() {
    let (auth, _folder) = fresh().await;
    assert!(!auth.is_set_up());
    let link = auth.make_link(None, &by()).await.unwrap();
    assert_eq!(auth.link_for(link.reveal()).await.unwrap(), Some(LinkFor::Setup));
    assert_eq!(invalid_fields(auth.use_link(link.reveal(), "Local", "short", None).await), ["name", "password"]);
    let ada = auth.use_link(link.reveal(), " Ada ", PASSWORD, None).await.unwrap().user;
    assert_eq!((&*ada.name, ada.role, ada.active), ("ada", Role::Administrator, true));
    assert!(auth.is_set_up());
    assert_eq!(auth.link_for(link.reveal()).await.unwrap(), None);
    assert_eq!(refusal_code(auth.use_link(link.reveal(), "eve", PASSWORD, None).await), "link_used");
    assert_eq!(refusal_code(auth.make_link(None, &by()).await), "already_set_up");
}

#[tokio::test]
async fn setup_link_is_replaced_by_a_newer_one() {
    let (auth, _folder) = fresh().await;
    let old = auth.make_link(None, &by()).await.unwrap();
    let new = auth.make_link(None, &by()).await.unwrap();
    assert_eq!(auth.link_for(old.reveal()).await.unwrap(), None);
    assert_eq!(auth.link_for(new.reveal()).await.unwrap(), Some(LinkFor::Setup));
}

#[tokio::test]
async fn added_user_signs_in_after_choosing_a_password() {
    let test = TestAuth::new().await;
    let (ada, link) = test.auth.add_user(" Ada", Role::Operator, &by()).await.unwrap();
    assert!(!test.auth.accounts().user(ada).unwrap().active);
    assert_eq!(test.auth.link_for(link.reveal()).await.unwrap(), Some(LinkFor::User("ada".into())));
    assert_eq!(invalid_fields(test.auth.use_link(link.reveal(), "", "ada", None).await), ["password"]);
    test.auth.use_link(link.reveal(), "not read", PASSWORD, None).await.unwrap();
    assert!(test.auth.accounts().user(ada).unwrap().active);
    test.store.flush().await.unwrap();
    let seen = test.store.users().await.unwrap().into_iter().find(|person| person.id == ada).unwrap().seen_at;
    assert!(seen.is_some(), "choosing a password counts as activity");
    assert!(test.can_sign_in("ada", PASSWORD).await);
}

#[tokio::test]
async fn used_link_resets_the_rate_limit() {
    let test = TestAuth::new().await;
    while !matches!(test.auth.sign_in("root", "forgotten", None).await, Err(accounts::SignInError::TooManyTries { .. }))
    {
    }
    let link = test.auth.make_link(Some(test.root), &by()).await.unwrap();
    test.auth.use_link(link.reveal(), "", "another horse battery", None).await.unwrap();
    assert!(test.can_sign_in("root", "another horse battery").await);
}

#[tokio::test]
async fn link_made_before_password_change_is_invalid() {
    let test = TestAuth::new().await;
    let link = test.auth.make_link(Some(test.root), &by()).await.unwrap();
    test.auth.change_password(test.root, PASSWORD, "another horse battery", None, &by()).await.unwrap();
    assert_eq!(test.auth.link_for(link.reveal()).await.unwrap(), None);
}

#[tokio::test]
async fn link_expires_after_three_days() {
    assert_eq!(LINK_LIFETIME.as_secs(), 3 * 24 * 60 * 60);
    let test = TestAuth::new().await;
    let link = Secret::link();
    let over = NewLink { key: link.key(), user: Some(test.root), expires: Micros(1) };
    test.store.save_link(over, &by()).await.unwrap();
    assert_eq!(test.auth.link_for(link.reveal()).await.unwrap(), None);
    assert_eq!(refusal_code(test.auth.use_link(link.reveal(), "", PASSWORD, None).await), "link_used");
}

#[tokio::test]
async fn invalid_link_is_rejected() {
    let test = TestAuth::new().await;
    for secret in ["", "x", Secret::link().reveal(), Secret::token().reveal(), "é"] {
        assert_eq!(test.auth.link_for(secret).await.unwrap(), None);
        assert_eq!(refusal_code(test.auth.use_link(secret, "", PASSWORD, None).await), "link_used");
    }
}

#[tokio::test]
async fn link_cannot_be_used_after_password_change() {
    let test = TestAuth::new().await;
    let link = test.auth.make_link(Some(test.root), &by()).await.unwrap();
    test.auth.change_password(test.root, PASSWORD, "another horse battery", None, &by()).await.unwrap();
    assert_eq!(test.auth.link_for(link.reveal()).await.unwrap(), None);
    assert_eq!(refusal_code(test.auth.use_link(link.reveal(), "", PASSWORD, None).await), "link_used");
}
