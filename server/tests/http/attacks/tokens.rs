//! Tokens that are over, in the wrong place, written oddly, or used for what they are not good for.

use http::Method;
use server::router;
use sqlx::Executor;

use super::{ask_with, cell, exchange, fetch, number_of, status, token};
use crate::{
    database::database,
    people::{House, Visitor},
};

/// What is answered to a token at every kind of address.
fn answers(house: &House, token: &str) -> [u16; 5] {
    ["/jobs/1", "/jobs/1/artifacts/demo.txt", "/jobs/1/log", "/events/poll?topic=jobs", "/jobs"]
        .map(|path| ask_with(house, token, Method::GET, path, &[]).status().as_u16())
}

fn house_with_a_job() -> (House, Visitor) {
    let (house, ada) = House::of_ada();
    ada.run();
    (house, ada)
}

#[test]
fn a_token_that_is_over_opens_nothing() {
    let (house, ada) = house_with_a_job();
    let ben = house.add(&ada, "ben", "operator");
    let [revoked, of_ben, expired] =
        [(&ada, "revoked"), (&ben, "of ben"), (&ada, "expired")].map(|(owner, name)| token(owner, name, &["read"]));
    for token in [&revoked, &of_ben, &expired] {
        assert_eq!(answers(&house, token), [200; 5]);
    }
    let id: i64 = cell(house.data(), "select id from token where name = 'revoked'");
    ada.call("revoke_token", &[("id", &id.to_string())]).error_for_status().unwrap();
    ada.call("remove_user", &[("user", &number_of(&house, "ben"))]).error_for_status().unwrap();
    database(&house.data().join("milepost.db"), async |connection| {
        connection.execute("update token set expires = 1 where name = 'expired'").await.unwrap();
    });
    for (token, why) in [(&revoked, "revoked"), (&of_ben, "of nobody"), (&expired, "expired")] {
        assert_eq!(answers(&house, token), [401; 5], "{why}");
    }
}

#[test]
fn a_token_is_taken_from_its_header_alone() {
    let (house, ada) = house_with_a_job();
    let token = token(&ada, "script", &["read", "start"]);
    let nobody = house.visitor();
    for name in ["token", "access_token", "api_key", "bearer", "authorization", "auth", "key"] {
        for path in ["/jobs/1", "/jobs/1/log", "/events/poll", "/jobs/1/artifacts/demo.txt"] {
            assert_eq!(fetch(&nobody, &format!("{path}?{name}={token}")), 401, "{path}?{name}=");
        }
        let form = [(name, token.as_str()), ("kind", "demo"), ("input", "{}")];
        assert_eq!(nobody.call("start_job", &form).status(), 401, "{name}");
    }
    let ask = |lines: &str| {
        let head = format!("GET /jobs/1/log HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{lines}\r\n");
        status(&exchange(&house.milepost, head.as_bytes()))
    };
    assert_eq!(ask(&format!("authorization: Bearer {token}\r\n")), 200);
    for lines in [
        format!("cookie: milepost_session={token}\r\n"),
        format!("cookie: authorization=Bearer {token}\r\n"),
        format!("x-api-key: {token}\r\n"),
        format!("proxy-authorization: Bearer {token}\r\n"),
        format!("authorization: Basic {token}\r\n"),
        format!("authorization: Token {token}\r\n"),
        format!("authorization: {token}\r\n"),
        format!("authorization: Bearer{token}\r\n"),
        format!("authorization: Bearer\t{token}\r\n"),
        format!("authorization: Bearer: {token}\r\n"),
        format!("authorization: Bearer \"{token}\"\r\n"),
        format!("authorization: Bearer {token}, Bearer {token}\r\n"),
        format!("authorization: Bearer {token} {token}\r\n"),
        format!("authorization: Bearer {}\r\n", token.to_uppercase()),
        format!("authorization: Bearer {}\r\n", &token[..token.len() - 1]),
        format!("authorization: Bearer {token}0\r\n"),
        format!("authorization: Bearer {token}\u{200b}\r\n"),
        "authorization: Bearer\r\n".to_owned(),
        "authorization:\r\n".to_owned(),
    ] {
        assert_eq!(ask(&lines), 401, "{lines:?}");
    }
}

#[test]
fn of_two_credentials_none_counts() {
    let (house, ada) = house_with_a_job();
    let (token, session) = (token(&ada, "script", &["read", "start"]), ada.session().unwrap());
    for lines in [
        format!("authorization: Bearer {token}\r\nauthorization: Bearer nothing\r\n"),
        format!("authorization: Bearer nothing\r\nauthorization: Bearer {token}\r\n"),
        format!("authorization: Bearer {token}\r\nauthorization: Bearer {token}\r\n"),
        format!("authorization: Basic YTpi\r\nauthorization: Bearer {token}\r\n"),
        format!("authorization: Bearer nothing\r\ncookie: milepost_session={session}\r\n"),
        format!("authorization: Basic YTpi\r\nauthorization: Bearer a\r\ncookie: milepost_session={session}\r\n"),
    ] {
        let head = format!("GET /jobs/1/log HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{lines}\r\n");
        assert_eq!(status(&exchange(&house.milepost, head.as_bytes())), 401, "{lines:?}");
    }
}

#[test]
fn a_token_does_no_more_than_it_is_good_for_and_no_more_than_its_person() {
    let (house, ada) = house_with_a_job();
    let vera = house.add(&ada, "vera", "viewer");
    let (read, everything) = (token(&ada, "read", &["read"]), token(&ada, "all", &["read", "start", "report"]));
    let of_vera = token(&vera, "all", &["read", "start", "report"]);
    for route in router::table() {
        let path = route.path.replace("{id}", "1").replace("{name}", "demo.txt").replace("{kind}", "demo");
        let path = path.replace("{stream}", &"0".repeat(32));
        let ask = |token: &str| ask_with(&house, token, route.method.clone(), &path, &[("id", "1")]).status().as_u16();
        match route.action.scope() {
            Some(model::Scope::Start) => {
                assert_eq!(ask(&read), 403, "{path} with a token to read");
                assert_eq!(ask(&of_vera), 403, "{path} with a token of a viewer's");
            }
            None if route.action.role().is_some() => assert_eq!(ask(&everything), 403, "{path} with any token"),
            Some(model::Scope::Read | model::Scope::Report) | None => {}
        }
    }
    // The session beside it adds nothing.
    let nobody = house.visitor();
    nobody.bring_session(&ada.session().unwrap());
    let request = nobody.request(Method::POST, "/api/start_job").bearer_auth(&read);
    let sent = nobody.send(request.form(&[("kind", "demo"), ("input", "{}")]));
    assert_eq!(sent.status(), 403);
}
