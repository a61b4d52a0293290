use std::time::{Duration, Instant};

use accounts::{ARGON2_MEMORY, ARGON2_PASSES, AuthService, SignInError};
use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version, password_hash::SaltString};
use engine::store::{By, PersonChange, SessionOwner, SessionRow};
use model::{Micros, Role};

use crate::support::{PASSWORD, World, address, by, faults};

#[tokio::test]
async fn the_right_password_lets_in_however_the_name_is_written_and_is_noted() {
    let world = World::new().await;
    let person = world.auth.sign_in(" ROOT ", PASSWORD, address(1)).await.unwrap().user;
    assert_eq!((person.id, &*person.name), (world.root, "root"));
    assert_eq!(world.audit_details("signed_in").await.len(), 1);
    world.store.flush().await.unwrap();
    assert!(world.store.people().await.unwrap()[0].seen_at.is_some());
}

#[tokio::test]
async fn whoever_cannot_come_in_hears_the_same_whatever_the_reason() {
    let world = World::new().await;
    world.auth.add_user("new", Role::Viewer, &by()).await.unwrap();
    let gone = world.add_user("gone", Role::Viewer).await;
    world.auth.remove_user(gone, &by()).await.unwrap();
    let long = "x".repeat(1 << 20);
    let tries = [
        ("root", "another password"),
        ("root", ""),
        ("root", &*long),
        ("nobody", PASSWORD),
        ("new", ""),
        ("new", PASSWORD),
        ("gone", PASSWORD),
        ("no name\n", PASSWORD),
        ("", ""),
    ];
    for (number, (name, password)) in tries.into_iter().enumerate() {
        let answer = world.auth.sign_in(name, password, address(number as u32)).await;
        assert!(matches!(answer, Err(SignInError::WrongCredentials)), "{name}: {answer:?}");
    }
    // Of names that no user has nothing is kept: one may be a password in the wrong field.
    let noted = ["root", "root", "root", "", "new", "new", "gone", "", ""];
    assert_eq!(world.audit_details("sign_in_failed").await, noted);
}

#[tokio::test]
async fn failed_sign_in_is_noted_without_names_that_no_user_has() {
    let world = World::new().await;
    // Typed into the field above the one for passwords.
    for name in [PASSWORD, "ROOT", "ro"] {
        assert!(world.auth.sign_in(name, "another password", address(1)).await.is_err());
    }
    assert_eq!(world.audit_details("sign_in_failed").await, ["", "root", ""]);
}

#[tokio::test]
async fn it_takes_as_long_for_nobody_as_for_a_wrong_password() {
    const ROUNDS: u32 = 16;
    let world = World::new().await;
    let took = async |name: &str, number: u32| {
        let begun = Instant::now();
        let answer = world.auth.sign_in(name, "another password", address(number)).await;
        assert!(matches!(answer, Err(SignInError::WrongCredentials)), "{answer:?}");
        begun.elapsed()
    };
    let median = |mut times: Vec<Duration>| {
        times.sort_unstable();
        times[times.len() / 2].as_secs_f64()
    };
    // Others use this machine too: one quiet moment of three is enough, and a real difference shows in all of them.
    let mut seen = Vec::new();
    for round in 0..3 {
        let (mut somebody, mut nobody) = (Vec::new(), Vec::new());
        for number in 0..ROUNDS {
            // Who comes first is told by turns: what one leaves to be done may hold up the next.
            let (first, second) = (1_000 * round + number, 1_000 * round + 500 + number);
            let unknown = format!("nobody{number}");
            if number % 2 == 0 {
                somebody.push(took("root", first).await);
                nobody.push(took(&unknown, second).await);
            } else {
                nobody.push(took(&unknown, second).await);
                somebody.push(took("root", first).await);
            }
        }
        let (somebody, nobody) = (median(somebody), median(nobody));
        seen.push((somebody, nobody));
        if (somebody - nobody).abs() < 0.2 * somebody.max(nobody) {
            return;
        }
    }
    panic!("seconds for somebody and nobody: {seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_tries_are_over_in_seconds_and_a_handful_are_hashed() {
    let world = World::new().await;
    let begun = Instant::now();
    let mut hashed = 0;
    for number in 0..10_000 {
        match world.auth.sign_in("root", &format!("password {number}"), address(1)).await {
            Err(SignInError::WrongCredentials) => hashed += 1,
            Err(SignInError::TooManyTries { wait }) => assert!(wait <= Duration::from_mins(1)),
            other => panic!("{other:?}"),
        }
    }
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert!((5..=10).contains(&hashed), "{hashed}");
    assert_eq!(world.audit_details("sign_in_failed").await.len(), hashed);
    assert_eq!(world.audit_details("sign_in_throttled").await, ["root"]);
    // The owner is somewhere else, and not held up.
    world.auth.sign_in("root", PASSWORD, address(2)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_tries_at_once_do_not_pass_as_one() {
    let world = World::new().await;
    let tries = (0..100).map(|number| {
        let auth = world.auth.clone();
        tokio::spawn(async move { auth.sign_in("root", &format!("password {number}"), address(1)).await })
    });
    let mut wrong = 0;
    for tried in tries.collect::<Vec<_>>() {
        wrong += u32::from(matches!(tried.await.unwrap(), Err(SignInError::WrongCredentials)));
    }
    assert_eq!(wrong, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_can_wait_are_told_that_it_is_busy_and_not_held_up_for_it() {
    let world = World::new().await;
    let tries = (0..200).map(|number| {
        let auth = world.auth.clone();
        tokio::spawn(async move { auth.sign_in(&format!("nobody{number}"), PASSWORD, address(number)).await })
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
        let answer = world.auth.sign_in(&format!("nobody{}", busy[0]), PASSWORD, address(busy[0])).await;
        assert!(matches!(answer, Err(SignInError::WrongCredentials)), "{answer:?}");
    }
}

#[tokio::test]
async fn a_hash_of_former_days_is_good_and_replaced_at_the_next_sign_in() {
    let world = World::new().await;
    let params = Params::new(4_096, 3, 1, None).unwrap();
    let salt = SaltString::encode_b64(b"sixteen bytes ok").unwrap();
    let former = Argon2::new(Algorithm::Argon2i, Version::V0x13, params);
    let former = former.hash_password(PASSWORD.as_bytes(), &salt).unwrap().to_string();
    let change = PersonChange::Password { hash: former.clone(), from: None, keep: None };
    world.store.change_person(world.root, change, &by()).await.unwrap();
    let far = Micros(i64::MAX);
    let owner = SessionOwner { user: world.root, device: "Firefox".to_owned(), since: far, used: far };
    let session = SessionRow { data: Vec::new(), expires: far, owner: Some(owner) };
    world.store.create_session(b"a session", session).await.unwrap();
    let kept = async || world.store.password("root").await.unwrap().unwrap().1;

    assert!(!world.can_sign_in("root", "another password").await);
    assert_eq!(kept().await, former);
    assert!(world.can_sign_in("root", PASSWORD).await);
    let replaced = kept().await;
    assert!(replaced.starts_with(&format!("$argon2id$v=19$m={ARGON2_MEMORY},t={ARGON2_PASSES},p=1$")), "{replaced}");
    assert!(world.can_sign_in("root", PASSWORD).await);
    assert_eq!(kept().await, replaced);

    assert_eq!(world.store.sessions(world.root).await.unwrap().len(), 1);
    let late = PersonChange::Rehash { hash: "of a sign-in under way".to_owned(), from: former };
    world.store.change_person(world.root, late, &by()).await.unwrap();
    assert_eq!(kept().await, replaced);
}

#[tokio::test]
async fn somebody_changes_their_password_with_the_old_one() {
    const NEW: &str = "another horse battery";
    let world = World::new().await;
    let change = async |auth: &AuthService, old: &str, new: &str| {
        auth.change_password(world.root, old, new, None, &By { address: address(1), ..by() }).await
    };
    assert_eq!(faults(change(&world.auth, PASSWORD, "short").await), ["new"]);
    assert_eq!(faults(change(&world.auth, "wrong", NEW).await), ["old"]);
    change(&world.auth, PASSWORD, NEW).await.unwrap();
    assert!(!world.can_sign_in("root", PASSWORD).await);
    assert!(world.can_sign_in("root", NEW).await);
}

#[tokio::test]
async fn an_old_password_cannot_be_guessed_either() {
    let world = World::new().await;
    let by = By { address: address(1), ..by() };
    let mut tries = Vec::new();
    for _ in 0..7 {
        let refused = world.auth.change_password(world.root, "wrong", "another horse battery", None, &by).await;
        tries.push(refused.unwrap_err().to_string());
    }
    assert!(tries[4].contains("not your password") && tries[6].contains("too often"), "{tries:?}");
    assert!(matches!(world.auth.sign_in("root", PASSWORD, address(1)).await, Err(SignInError::TooManyTries { .. })));
}

#[tokio::test]
async fn a_password_that_is_replaced_while_somebody_comes_in_by_it_lets_them_in_no_more() {
    let world = World::new().await;
    let by_password = world.auth.sign_in("root", PASSWORD, None).await.unwrap();
    assert!(world.auth.password_is_current(&by_password).await.unwrap());
    let link = world.auth.make_link(Some(world.root), &by()).await.unwrap();
    let by_link = world.auth.use_link(link.reveal(), "", "another horse battery", None).await.unwrap();
    assert!(!world.auth.password_is_current(&by_password).await.unwrap());
    assert!(world.auth.password_is_current(&by_link).await.unwrap());
    world.auth.change_password(world.root, "another horse battery", "third horse battery", None, &by()).await.unwrap();
    assert!(!world.auth.password_is_current(&by_link).await.unwrap());
}

#[tokio::test]
async fn a_wrong_old_password_is_noted() {
    let world = World::new().await;
    let refused = world.auth.change_password(world.root, "wrong", "another horse battery", None, &by()).await;
    assert_eq!(faults(refused), ["old"]);
    assert_eq!(world.audit_details("password_mistaken").await, ["root"]);
}
