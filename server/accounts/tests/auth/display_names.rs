use engine::{
    Error,
    store::{Attribution, AuditQuery, UserId},
};
use model::Role;

use crate::support::{TestAuth, by, invalid_fields, refusal_code};

impl TestAuth {
    async fn rename(&self, user: UserId, name: &str) -> Result<(), Error> {
        self.auth.set_display_name(user, name, &by()).await
    }

    fn shown(&self, name: &str) -> Option<String> {
        self.auth.accounts().display_name(name).map(ToString::to_string)
    }
}

#[tokio::test]
async fn display_name_is_trimmed_changed_and_removed() {
    let test = TestAuth::new().await;
    assert_eq!(test.shown("root"), None);
    test.rename(test.root, "  Ada Lovelace ").await.unwrap();
    assert_eq!(test.shown("root").as_deref(), Some("Ada Lovelace"));
    test.rename(test.root, "ROOT").await.unwrap();
    assert_eq!(test.shown("root").as_deref(), Some("ROOT"), "the own sign-in name is free");
    test.rename(test.root, " ").await.unwrap();
    assert_eq!([test.shown("root"), test.shown("local"), test.shown("")], [None, None, None]);
    assert_eq!(invalid_fields(test.rename(test.root, &"x".repeat(61)).await), ["display_name"]);
    assert_eq!(refusal_code(test.rename(UserId(99), "Eve").await), "no_such_user");
}

#[tokio::test]
async fn display_name_of_another_user_is_rejected() {
    let test = TestAuth::new().await;
    let mei = test.add_user("mei", Role::Viewer).await;
    let eve = test.add_user("eve", Role::Viewer).await;
    test.rename(mei, "Mei Lin").await.unwrap();
    for name in ["root", "Root", "r\u{200b}oot", "MEI", "mei lin", "Mei  Lin", "Mei\u{a0}Lin"] {
        assert_eq!(invalid_fields(test.rename(eve, name).await), ["display_name"], "{name:?}");
    }
    test.auth.remove_user(mei, &by()).await.unwrap();
    assert_eq!(invalid_fields(test.rename(eve, "Mei Lin").await), ["display_name"], "jobs of a removed user show it");
    assert_eq!(test.shown("mei").as_deref(), Some("Mei Lin"));
    assert_eq!(refusal_code(test.rename(mei, "Mei").await), "no_such_user");

    // The other way round: a new user whose sign-in name is shown for another one already.
    test.rename(eve, "Grace").await.unwrap();
    assert_eq!(invalid_fields(test.auth.add_user("grace", Role::Viewer, &by()).await), ["name"]);
    test.rename(eve, "").await.unwrap();
    test.auth.add_user("grace", Role::Viewer, &by()).await.unwrap();
}

#[tokio::test]
async fn change_of_display_name_is_logged_with_both_names() {
    let test = TestAuth::new().await;
    let mei = test.add_user("mei", Role::Viewer).await;
    let own = Attribution::from("mei");
    for name in ["Mei Lin", "Mei Lin", "Mei", "mallory\u{202e}", ""] {
        let _ = test.auth.set_display_name(mei, name, &own).await;
    }
    let query = AuditQuery { what: Some("display_name_changed".to_owned()), limit: 10, ..AuditQuery::default() };
    let rows = test.store.audit(&query).await.unwrap().rows;
    assert!(rows.iter().all(|row| *row.by.name == *"mei"), "{rows:?}");
    let details = test.audit_details("display_name_changed").await;
    assert_eq!(
        details,
        ["mei, from none to “Mei Lin”", "mei, from “Mei Lin” to “Mei”", "mei, from “Mei” to none"],
        "what changed nothing or was rejected is not logged"
    );
}
