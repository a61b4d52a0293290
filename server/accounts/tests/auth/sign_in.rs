use std::time::{Duration, Instant};

use accounts::{ARGON2_MEMORY, ARGON2_PASSES, AuthService, SignInError};
use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version, password_hash::SaltString};
use engine::store::{Attribution, SessionOwner, SessionRow, UserChange};
use model::{Micros, Role};

use crate::support::{PASSWORD, TestAuth, address, by, invalid_fields};

#[tokio::test]
async fn sign_in_ignores_case_of_name_and_is_logged() {
    let test = TestAuth::new().await;
    let person = test.auth.sign_in(" ROOT ", PASSWORD, address(1)).await.unwrap().user;
    assert_eq!((person.id, &*person.name), (test.root, "root"));
    assert_eq!(test.audit_details("signed_in").await.len(), 1);
    test.store.flush().await.unwrap();
    assert!(test.store.users().await.unwrap()[0].seen_at.is_some());
}

#[tokio::test]
async fn failed_sign_in_is_the_same_for_every_reason() {
    let test = TestAuth::new().await;
    test.auth.add_user("new", Role::Viewer, &by()).await.unwrap();
    let gone = test.add_user("gone", Role::Viewer).await;
    test.auth.remove_user(gone, &by()).await.unwrap();
    let long = "x".repeat(1 << 20);
    let tries = [
        ("root", "another password"),
        ("root", ""),
        ("root", &*long),
        ("unknown", PASSWORD),
        ("new", ""),
        ("new", PASSWORD),
        ("gone", PASSWORD),
        ("no name\n", PASSWORD),
        ("", ""),
    ];
    for (number, (name, password)) in tries.into_iter().enumerate() {
        let result = test.auth.sign_in(name, password, address(number as u32)).await;
        assert!(matches!(result, Err(SignInError::WrongCredentials)), "{name}: {result:?}");
    }
    // Unknown names are not stored: one may be a password in the wrong field.
    let noted = ["root", "root", "root", "", "new", "new", "gone", "", ""];
    assert_eq!(test.audit_details("sign_in_failed").await, noted);
}

#[tokio::test]
async fn failed_sign_in_is_logged_without_unknown_names() {
    let test = TestAuth::new().await;
    // A password typed into the field of the name.
    for name in [PASSWORD, "ROOT", "ro"] {
        assert!(test.auth.sign_in(name, "another password", address(1)).await.is_err());
    }
    assert_eq!(test.audit_details("sign_in_failed").await, ["", "root", ""]);
}

#[tokio::test]
async fn sign_in_takes_equally_long_for_unknown_user() {
    const ROUNDS: u32 = 16;
    let test = TestAuth::new().await;
    let took = async |name: &str, number: u32| {
        let begun = Instant::now();
        let result = test.auth.sign_in(name, "another password", address(number)).await;
        assert!(matches!(result, Err(SignInError::WrongCredentials)), "{result:?}");
        begun.elapsed()
    };
    let median = |mut times: Vec<Duration>| {
        times.sort_unstable();
        times[times.len() / 2].as_secs_f64()
    };
    // The machine is shared: one quiet round of three is enough, and a real difference shows in all of them.
    let mut medians = Vec::new();
    for round in 0..3 {
        let (mut known, mut unknown) = (Vec::new(), Vec::new());
        for number in 0..ROUNDS {
            // They alternate, because the work that one leaves behind may delay the next.
            let (first, second) = (1_000 * round + number, 1_000 * round + 500 + number);
            let name = format!("unknown{number}");
            if number % 2 == 0 {
                known.push(took("root", first).await);
                unknown.push(took(&name, second).await);
            } else {
                unknown.push(took(&name, second).await);
                known.push(took("root", first).await);
            }
        }
        let (known, unknown) = (median(known), median(unknown));
        medians.push((known, unknown));
        if (known - unknown).abs() < 0.2 * known.max(unknown) {
            return;
        }
    }
    panic!("seconds for a known and an unknown user: {medians:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_tries_are_refused_with_few_hashes() {
    let test = TestAuth::new().await;
    let begun = Instant::now();
    let mut hashed = 0;
    for number in 0..10_000 {
        match test.auth.sign_in("root", &format!("password {number}"), address(1)).await {
            Err(SignInError::WrongCredentials) => hashed += 1,
            Err(SignInError::TooManyTries { wait }) => assert!(wait <= Duration::from_mins(1)),
            other => panic!("{other:?}"),
        }
    }
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert!((5..=10).contains(&hashed), "{hashed}");
    assert_eq!(test.audit_details("sign_in_failed").await.len(), hashed);
    assert_eq!(test.audit_details("sign_in_throttled").await, ["root"]);
    // The owner, at another address, does not have to wait.
    test.auth.sign_in("root", PASSWORD, address(2)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_tries_are_all_counted() {
    let test = TestAuth::new().await;
    let tries = (0..100).map(|number| {
        let auth = test.auth.clone();
        tokio::spawn(async move { auth.sign_in("root", &format!("password {number}"), address(1)).await })
    });
    let mut wrong = 0;
    for tried in tries.collect::<Vec<_>>() {
        wrong += u32::from(matches!(tried.await.unwrap(), Err(SignInError::WrongCredentials)));
    }
    assert_eq!(wrong, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_in_is_busy_when_too_many_hashes_wait() {
    let test = TestAuth::new().await;
    let tries = (0..200).map(|number| {
        let auth = test.auth.clone();
        tokio::spawn(async move { auth.sign_in(&format!("unknown{number}"), PASSWORD, address(number)).await })
    });
    let mut busy = Vec::new();
    for (number, tried) in tries.collect::<Vec<_>>().into_iter().enumerate() {
        match tried.await.unwrap() {
            Err(SignInError::WrongCredentials) => {}
            Err(SignInError::Busy) => busy.push(number as u32),
            other => panic!("{other:?}"),
        }
    }
    assert!(!busy.is_empty());
    for _ in 0..5 {
        let result = test.auth.sign_in(&format!("unknown{}", busy[0]), PASSWORD, address(busy[0])).await;
        assert!(matches!(result, Err(SignInError::WrongCredentials)), "{result:?}");
    }
}

#[tokio::test]
async fn outdated_hash_is_accepted_and_replaced_at_sign_in() {
    let test = TestAuth::new().await;
    let params = Params::new(4_096, 3, 1, None).unwrap();
    let salt = SaltString::encode_b64(b"sixteen bytes ok").unwrap();
    let former = Argon2::new(Algorithm::Argon2i, Version::V0x13, params);
    let former = former.hash_password(PASSWORD.as_bytes(), &salt).unwrap().to_string();
    let change = UserChange::Password { hash: former.clone(), from: None, keep: None };
    test.store.change_user(test.root, change, &by()).await.unwrap();
    let far = Micros(i64::MAX);
    let owner = SessionOwner { user: test.root, device: "Firefox".to_owned(), since: far, used: far };
    let session = SessionRow { data: Vec::new(), expires: far, owner: Some(owner) };
    test.store.create_session(b"a session", session).await.unwrap();
    let kept = async || test.store.password("root").await.unwrap().unwrap().1;

    assert!(!test.can_sign_in("root", "another password").await);
    assert_eq!(kept().await, former);
    assert!(test.can_sign_in("root", PASSWORD).await);
    let replaced = kept().await;
    assert!(replaced.starts_with(&format!("$argon2id$v=19$m={ARGON2_MEMORY},t={ARGON2_PASSES},p=1$")), "{replaced}");
    assert!(test.can_sign_in("root", PASSWORD).await);
    assert_eq!(kept().await, replaced);

    assert_eq!(test.store.sessions(test.root).await.unwrap().len(), 1);
    let late = UserChange::Rehash { hash: "of a sign-in under way".to_owned(), from: former };
    test.store.change_user(test.root, late, &by()).await.unwrap();
    assert_eq!(kept().await, replaced);
}

#[tokio::test]
async fn password_change_requires_the_old_password() {
    const NEW: &str = "another horse battery";
    let test = TestAuth::new().await;
    let change = async |auth: &AuthService, old: &str, new: &str| {
        auth.change_password(test.root, old, new, None, &Attribution { address: address(1), ..by() }).await
    };
    assert_eq!(invalid_fields(change(&test.auth, PASSWORD, "short").await), ["new"]);
    assert_eq!(invalid_fields(change(&test.auth, "wrong", NEW).await), ["old"]);
    change(&test.auth, PASSWORD, NEW).await.unwrap();
    assert!(!test.can_sign_in("root", PASSWORD).await);
    assert!(test.can_sign_in("root", NEW).await);
}

#[tokio::test]
async fn password_change_is_rate_limited() {
    let test = TestAuth::new().await;
    let by = Attribution { address: address(1), ..by() };
    let mut tries = Vec::new();
    for _ in 0..7 {
        let refused = test.auth.change_password(test.root, "wrong", "another horse battery", None, &by).await;
        tries.push(refused.unwrap_err().to_string());
    }
    assert!(tries[4].contains("not your password") && tries[6].contains("too often"), "{tries:?}");
    assert!(matches!(test.auth.sign_in("root", PASSWORD, address(1)).await, Err(SignInError::TooManyTries { .. })));
}

#[tokio::test]
async fn sign_in_is_void_if_password_changes_meanwhile() {
    let test = TestAuth::new().await;
    let by_password = test.auth.sign_in("root", PASSWORD, None).await.unwrap();
    assert!(test.auth.password_is_current(&by_password).await.unwrap());
    let link = test.auth.make_link(Some(test.root), &by()).await.unwrap();
    let by_link = test.auth.use_link(link.reveal(), "", "another horse battery", None).await.unwrap();
    assert!(!test.auth.password_is_current(&by_password).await.unwrap());
    assert!(test.auth.password_is_current(&by_link).await.unwrap());
    test.auth.change_password(test.root, "another horse battery", "third horse battery", None, &by()).await.unwrap();
    assert!(!test.auth.password_is_current(&by_link).await.unwrap());
}

#[tokio::test]
async fn wrong_old_password_is_logged() {
    let test = TestAuth::new().await;
    let refused = test.auth.change_password(test.root, "wrong", "another horse battery", None, &by()).await;
    assert_eq!(invalid_fields(refused), ["old"]);
    assert_eq!(test.audit_details("password_mistaken").await, ["root"]);
}
