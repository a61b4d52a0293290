//! User names, passwords and random secrets.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::HashSet;

use accounts::{Secret, passwords, user_names};

#[test]
fn user_name_is_trimmed_and_lower_cased() {
    for (typed, kept) in [("ada", "ada"), ("  Ada ", "ada"), ("A.L-1_x@Example.org", "a.l-1_x@example.org"), ("7", "7")]
    {
        assert_eq!(user_names::check(typed).as_deref(), Ok(kept));
    }
    assert!(user_names::check(&"a".repeat(40)).is_ok());
}

#[test]
fn invalid_user_name_is_rejected_with_reason() {
    let long = "a".repeat(41);
    for (typed, reason) in [
        ("", "1 to 40"),
        ("   ", "1 to 40"),
        (&*long, "at most 40 characters; this one has 41"),
        ("ada lovelace", "A name cannot contain ' '"),
        ("zoë", "A name cannot contain 'ë'"),
        ("ada\u{0}", "A name cannot contain '\\0'"),
        (".ada", "begins with a letter"),
        ("-ada", "begins with a letter"),
        ("Local", "is reserved"),
    ] {
        let refused = user_names::check(typed).unwrap_err();
        assert!(refused.contains(reason), "{typed}: {refused}");
    }
}

#[test]
fn long_password_is_accepted_with_any_characters() {
    for password in ["correct horse battery", "123456789012", "            a", "пароль из слов", &*"ab".repeat(128)]
    {
        assert_eq!(passwords::check("ada", password), Ok(()), "{password}");
    }
}

#[test]
fn weak_password_is_rejected_with_reason() {
    let long = "ab".repeat(129);
    for (name, password, reason) in [
        ("ada", "", "at least 12 characters; this one has 0"),
        ("ada", "elevenchars", "at least 12 characters; this one has 11"),
        ("ada", "ééééééééééé", "this one has 11"),
        ("ada", &*long, "at most 256 bytes; this one has 258"),
        ("ada.lovelace@example.org", "Ada.Lovelace@example.org", "The name"),
        ("ada", "aaaaaaaaaaaaaaaa", "one character"),
        ("ada", "milepost1234", "milepost with digits"),
        ("ada", "2026-Milepost-01", "milepost with digits"),
        ("ada", "milepostMILEPOST", "milepost with digits"),
    ] {
        let refused = passwords::check(name, password).unwrap_err();
        assert!(refused.contains(reason), "{password}: {refused}");
    }
}

#[test]
fn secrets_are_url_safe_unique_and_redacted_in_debug() {
    let drawn: Vec<Secret> = (0..100).map(|_| Secret::link()).chain((0..100).map(|_| Secret::token())).collect();
    for (number, secret) in drawn.iter().enumerate() {
        let random = if number < 100 { secret.reveal() } else { secret.reveal().strip_prefix("mp_").unwrap() };
        assert_eq!(random.len(), 43);
        assert!(random.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'));
        assert_eq!(secret.key().len(), 32);
        assert_eq!(format!("{secret:?}"), "Secret");
    }
    assert_eq!(drawn.iter().map(Secret::key).collect::<HashSet<_>>().len(), drawn.len());
}
