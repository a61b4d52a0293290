use accounts::{AuthService, Secret};
use engine::{
    access::Actor,
    store::{TokenId, UserId},
};
use model::{Micros, Role, Scope};

use crate::support::{TestAuth, by, invalid_fields, refusal_code};

const MINUTE: i64 = 60_000_000;

fn now() -> Micros {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Micros(since.as_micros() as i64)
}

async fn token(auth: &AuthService, user: UserId, name: &str) -> Secret {
    auth.make_token(user, name, vec![Scope::Start, Scope::Read, Scope::Read], None, &by()).await.unwrap()
}

#[tokio::test]
async fn token_acts_with_the_current_role_of_its_user() {
    let test = TestAuth::new().await;
    let ada = test.add_user("ada", Role::Operator).await;
    let secret = token(&test.auth, ada, " nightly ").await;
    let bearer = async || test.auth.authenticate_token(secret.reveal(), now()).await.unwrap();
    let Some(Actor::Client(principal, grant)) = bearer().await else { panic!("no program") };
    assert_eq!((principal.user, &*principal.name, principal.role), (ada, "ada", Role::Operator));
    assert_eq!((&*grant.name, &*grant.scopes), ("nightly", &[Scope::Read, Scope::Start][..]));
    test.auth.change_role(ada, Role::Viewer, &by()).await.unwrap();
    assert_eq!(bearer().await.unwrap().principal().unwrap().role, Role::Viewer);
    test.auth.remove_user(ada, &by()).await.unwrap();
    assert_eq!(bearer().await, None);
}

#[tokio::test]
async fn invalid_or_expired_token_is_rejected() {
    let test = TestAuth::new().await;
    let soon = Micros(now().0 + MINUTE);
    let secret = test.auth.make_token(test.root, "short", vec![Scope::Read], Some(soon), &by()).await.unwrap();
    assert!(test.auth.authenticate_token(secret.reveal(), now()).await.unwrap().is_some());
    assert_eq!(test.auth.authenticate_token(secret.reveal(), Micros(soon.0 + 1)).await.unwrap(), None);
    let without = secret.reveal().strip_prefix("mp_").unwrap();
    for wrong in ["", "mp_", without, Secret::token().reveal(), &format!("{}x", secret.reveal()), "mp_é"] {
        assert_eq!(test.auth.authenticate_token(wrong, now()).await.unwrap(), None);
    }
}

#[tokio::test]
async fn new_token_reports_all_invalid_fields() {
    let test = TestAuth::new().await;
    let make = async |name: &str, scopes: Vec<Scope>, expires: Option<Micros>| {
        test.auth.make_token(test.root, name, scopes, expires, &by()).await
    };
    assert_eq!(invalid_fields(make(" ", vec![], Some(Micros(1))).await), ["name", "scopes", "expires"]);
    for name in ["", &*"x".repeat(81), "two\nlines"] {
        assert_eq!(invalid_fields(make(name, vec![Scope::Read], None).await), ["name"]);
    }
    make(&"é".repeat(80), vec![Scope::Read], None).await.unwrap();
    assert_eq!(invalid_fields(make(&"é".repeat(80), vec![Scope::Read], None).await), ["name"]);
}

#[tokio::test]
async fn user_revokes_only_own_tokens() {
    let test = TestAuth::new().await;
    let ada = test.add_user("ada", Role::Operator).await;
    let secret = token(&test.auth, test.root, "of root").await;
    let id = test.store.tokens(Some(test.root)).await.unwrap()[0].id;
    assert_eq!(refusal_code(test.auth.revoke_token(id, &by(), Some(ada)).await), "no_such_token");
    assert_eq!(refusal_code(test.auth.revoke_token(TokenId(99), &by(), None).await), "no_such_token");
    test.auth.revoke_token(id, &by(), Some(test.root)).await.unwrap();
    assert_eq!(test.auth.authenticate_token(secret.reveal(), now()).await.unwrap(), None);
    token(&test.auth, ada, "of ada").await;
    let id = test.store.tokens(Some(ada)).await.unwrap()[0].id;
    test.auth.revoke_token(id, &by(), None).await.unwrap();
}

#[tokio::test]
async fn token_last_use_is_stored_to_the_minute() {
    let test = TestAuth::new().await;
    let secret = token(&test.auth, test.root, "nightly").await;
    let begun = now();
    let used = async |after: i64| {
        test.auth.authenticate_token(secret.reveal(), Micros(begun.0 + after)).await.unwrap().unwrap();
        test.store.flush().await.unwrap();
        test.store.tokens(Some(test.root)).await.unwrap()[0].used_at.unwrap().0 - begun.0
    };
    let first = used(0).await;
    assert!((-MINUTE..=0).contains(&first), "{first}");
    assert_eq!(used(2 * MINUTE).await, first + 2 * MINUTE);
    assert_eq!(used(4 * MINUTE).await, first + 4 * MINUTE);
}
