use accounts::{AuthService, Secret};
use engine::{
    access::Actor,
    store::{TokenId, UserId},
};
use model::{Micros, Role, Scope};

use crate::support::{World, by, faults, refusal};

const MINUTE: i64 = 60_000_000;

/// Now, as the store tells it.
fn now() -> Micros {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Micros(since.as_micros() as i64)
}

async fn token(auth: &AuthService, user: UserId, name: &str) -> Secret {
    auth.make_token(user, name, vec![Scope::Start, Scope::Read, Scope::Read], None, &by()).await.unwrap()
}

#[tokio::test]
async fn a_program_is_its_person_with_the_role_they_have_now() {
    let world = World::new().await;
    let ada = world.add_user("ada", Role::Operator).await;
    let secret = token(&world.auth, ada, " nightly ").await;
    let bearer = async || world.auth.authenticate_token(secret.reveal(), now()).await.unwrap();
    let Some(Actor::Program(who, pass)) = bearer().await else { panic!("no program") };
    assert_eq!((who.user, &*who.name, who.role), (ada, "ada", Role::Operator));
    assert_eq!((&*pass.name, &*pass.scopes), ("nightly", &[Scope::Read, Scope::Start][..]));
    world.auth.change_role(ada, Role::Viewer, &by()).await.unwrap();
    assert_eq!(bearer().await.unwrap().who().unwrap().role, Role::Viewer);
    world.auth.remove_user(ada, &by()).await.unwrap();
    assert_eq!(bearer().await, None);
}

#[tokio::test]
async fn what_is_no_token_or_over_lets_nobody_in() {
    let world = World::new().await;
    let soon = Micros(now().0 + MINUTE);
    let secret = world.auth.make_token(world.root, "short", vec![Scope::Read], Some(soon), &by()).await.unwrap();
    assert!(world.auth.authenticate_token(secret.reveal(), now()).await.unwrap().is_some());
    assert_eq!(world.auth.authenticate_token(secret.reveal(), Micros(soon.0 + 1)).await.unwrap(), None);
    let without = secret.reveal().strip_prefix("mp_").unwrap();
    for wrong in ["", "mp_", without, Secret::token().reveal(), &format!("{}x", secret.reveal()), "mp_é"] {
        assert_eq!(world.auth.authenticate_token(wrong, now()).await.unwrap(), None);
    }
}

#[tokio::test]
async fn every_fault_of_a_token_is_told_at_once() {
    let world = World::new().await;
    let make = async |name: &str, scopes: Vec<Scope>, expires: Option<Micros>| {
        world.auth.make_token(world.root, name, scopes, expires, &by()).await
    };
    assert_eq!(faults(make(" ", vec![], Some(Micros(1))).await), ["name", "scopes", "expires"]);
    for name in ["", &*"x".repeat(81), "two\nlines"] {
        assert_eq!(faults(make(name, vec![Scope::Read], None).await), ["name"]);
    }
    make(&"é".repeat(80), vec![Scope::Read], None).await.unwrap();
    assert_eq!(faults(make(&"é".repeat(80), vec![Scope::Read], None).await), ["name"]);
}

#[tokio::test]
async fn somebody_ends_their_own_tokens_only_unless_told_otherwise() {
    let world = World::new().await;
    let ada = world.add_user("ada", Role::Operator).await;
    let secret = token(&world.auth, world.root, "of root").await;
    let id = world.store.tokens(Some(world.root)).await.unwrap()[0].id;
    assert_eq!(refusal(world.auth.revoke_token(id, &by(), Some(ada)).await), "no_such_token");
    assert_eq!(refusal(world.auth.revoke_token(TokenId(99), &by(), None).await), "no_such_token");
    world.auth.revoke_token(id, &by(), Some(world.root)).await.unwrap();
    assert_eq!(world.auth.authenticate_token(secret.reveal(), now()).await.unwrap(), None);
    token(&world.auth, ada, "of ada").await;
    let id = world.store.tokens(Some(ada)).await.unwrap()[0].id;
    world.auth.revoke_token(id, &by(), None).await.unwrap();
}

#[tokio::test]
async fn the_last_use_of_a_token_is_kept_to_the_minute() {
    let world = World::new().await;
    let secret = token(&world.auth, world.root, "nightly").await;
    let begun = now();
    let used = async |after: i64| {
        world.auth.authenticate_token(secret.reveal(), Micros(begun.0 + after)).await.unwrap().unwrap();
        world.store.flush().await.unwrap();
        world.store.tokens(Some(world.root)).await.unwrap()[0].used_at.unwrap().0 - begun.0
    };
    let first = used(0).await;
    assert!((-MINUTE..=0).contains(&first), "{first}");
    assert_eq!(used(2 * MINUTE).await, first + 2 * MINUTE);
    assert_eq!(used(4 * MINUTE).await, first + 4 * MINUTE);
}
