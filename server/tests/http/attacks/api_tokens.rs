//! API tokens: expired and revoked tokens, misplaced and malformed ones, and use beyond their scopes.

use http::Method;
use model::Scope;
use sqlx::Executor;

use crate::support::{
    accounts::{ServerWithAccounts, UserClient, fetch_status, make_token, request_with_token, user_id},
    database::{database, query_value},
    raw_http::{send_bytes, status_of},
    site::route_table,
};

/// The statuses for a token at each kind of address.
fn statuses(server: &ServerWithAccounts, token: &str) -> [u16; 5] {
    ["/jobs/1", "/jobs/1/artifacts/demo.txt", "/jobs/1/log", "/events/poll?topic=jobs", "/jobs"]
        .map(|path| request_with_token(server, token, Method::GET, path, &[]).status().as_u16())
}

fn server_with_job() -> (ServerWithAccounts, UserClient) {
    let (server, ada) = ServerWithAccounts::with_admin();
    ada.run();
    (server, ada)
}

#[test]
fn invalid_token_is_rejected_everywhere() {
    let (server, ada) = server_with_job();
    let ben = server.add_user(&ada, "ben", "operator");
    let [revoked, removed, expired] = [(&ada, "revoked"), (&ben, "of ben"), (&ada, "expired")]
        .map(|(owner, name)| make_token(owner, name, &["read"]));
    for token in [&revoked, &removed, &expired] {
        assert_eq!(statuses(&server, token), [200; 5]);
    }
    let id: i64 = query_value(server.data(), "select id from token where name = 'revoked'");
    ada.call("revoke_token", &[("id", &id.to_string())]).error_for_status().unwrap();
    ada.call("remove_user", &[("user", &user_id(&server, "ben"))]).error_for_status().unwrap();
    database(&server.data().join("milepost.db"), async |connection| {
        connection.execute("update token set expires = 1 where name = 'expired'").await.unwrap();
    });
    for (token, why) in [(&revoked, "revoked"), (&removed, "of a removed user"), (&expired, "expired")] {
        assert_eq!(statuses(&server, token), [401; 5], "{why}");
    }
}

#[test]
fn token_outside_its_header_is_ignored() {
    let (server, ada) = server_with_job();
    let token = make_token(&ada, "script", &["read", "start"]);
    let client = server.new_client();
    for name in ["token", "access_token", "api_key", "bearer", "authorization", "auth", "key"] {
        for path in ["/jobs/1", "/jobs/1/log", "/events/poll", "/jobs/1/artifacts/demo.txt"] {
            assert_eq!(fetch_status(&client, &format!("{path}?{name}={token}")), 401, "{path}?{name}=");
        }
        let form = [(name, token.as_str()), ("kind", "demo"), ("input", "{}")];
        assert_eq!(client.call("start_job", &form).status(), 401, "{name}");
    }
    let ask = |lines: &str| {
        let head = format!("GET /jobs/1/log HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{lines}\r\n");
        status_of(&send_bytes(&server.process, head.as_bytes()))
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
fn request_with_two_credentials_is_rejected() {
    let (server, ada) = server_with_job();
    let (token, session) = (make_token(&ada, "script", &["read", "start"]), ada.session_cookie().unwrap());
    for lines in [
        format!("authorization: Bearer {token}\r\nauthorization: Bearer nothing\r\n"),
        format!("authorization: Bearer nothing\r\nauthorization: Bearer {token}\r\n"),
        format!("authorization: Bearer {token}\r\nauthorization: Bearer {token}\r\n"),
        format!("authorization: Basic YTpi\r\nauthorization: Bearer {token}\r\n"),
        format!("authorization: Bearer nothing\r\ncookie: milepost_session={session}\r\n"),
        format!("authorization: Basic YTpi\r\nauthorization: Bearer a\r\ncookie: milepost_session={session}\r\n"),
    ] {
        let head = format!("GET /jobs/1/log HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{lines}\r\n");
        assert_eq!(status_of(&send_bytes(&server.process, head.as_bytes())), 401, "{lines:?}");
    }
}

#[test]
fn token_is_limited_to_its_scopes_and_its_users_role() {
    let (server, ada) = server_with_job();
    let vera = server.add_user(&ada, "vera", "viewer");
    let (read, everything) =
        (make_token(&ada, "read", &["read"]), make_token(&ada, "all", &["read", "start", "report"]));
    let of_vera = make_token(&vera, "all", &["read", "start", "report"]);
    for route in route_table() {
        let path = route.path.replace("{id}", "1").replace("{name}", "demo.txt").replace("{kind}", "demo");
        let path = path.replace("{stream}", &"0".repeat(32));
        let ask = |token: &str| {
            request_with_token(&server, token, route.method.clone(), &path, &[("id", "1")]).status().as_u16()
        };
        match route.action.scope() {
            Some(Scope::Start) => {
                assert_eq!(ask(&read), 403, "{path} with a token of scope read");
                assert_eq!(ask(&of_vera), 403, "{path} with a token of a viewer");
            }
            None if route.action.role().is_some() => assert_eq!(ask(&everything), 403, "{path} with any token"),
            Some(Scope::Read | Scope::Report) | None => {}
        }
    }
    // A session cookie beside the token adds no rights.
    let client = server.new_client();
    client.set_session_cookie(&ada.session_cookie().unwrap());
    let request = client.request(Method::POST, "/api/start_job").bearer_auth(&read);
    let sent = client.send(request.form(&[("kind", "demo"), ("input", "{}")]));
    assert_eq!(sent.status(), 403);
}

#[test]
fn api_client_creates_no_session() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let job = ada.run().to_string();
    let program = ada.api_client("ci", &[Scope::Read, Scope::Start]);
    let sessions = || query_value::<i64>(server.data(), "select count(*) from session");
    let before = sessions();
    for _ in 0..5 {
        assert_eq!(program.call("pin_job", &[("id", &job)]).status(), 200);
        assert_eq!(program.call("unpin_job", &[("id", &job)]).status(), 200);
        program.submit("cancel_job", &[("id", &job)]);
        program.get("/jobs");
    }
    assert_eq!(sessions(), before);
}
