//! Revocation races: rights that end between the head of a request and its effect.

use std::{
    io::{Read, Write},
    thread,
};

use serde_json::Value;

use crate::support::{
    accounts::{PASSWORD, ServerWithAccounts, link_secret, redirect_target, user_id},
    database::query_value,
    raw_http::status_of,
};

#[test]
fn form_body_sent_after_sign_out_is_rejected() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let ben = server.add_user(&ada, "ben", "operator");
    for (path, field) in [("/new/demo", "seconds=0"), ("/uploads?name=a", "some text")] {
        let cookie = format!("milepost_session={}", ben.session_cookie().unwrap());
        let mut stream = server.process.connect();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\nsec-fetch-site: same-origin\r\ncookie: {cookie}\r\nconnection: \
             close\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: 9\r\nexpect: \
             100-continue\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        // A client that is asked to continue has been authenticated.
        let mut interim = [0; 25];
        stream.read_exact(&mut interim).unwrap();
        assert!(interim.starts_with(b"HTTP/1.1 100"));
        ada.call("end_sessions_of", &[("user", &user_id(&server, "ben"))]).error_for_status().unwrap();
        stream.write_all(field.as_bytes()).unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        assert_eq!(status_of(&response), 401, "{path}: {response}");
        ben.sign_in("ben");
    }
    assert_eq!(query_value::<i64>(server.data(), "select count(*) from job"), 0);
}

#[test]
fn sign_in_during_password_reset_leaves_no_session() {
    let (server, ada) = ServerWithAccounts::with_admin();
    server.add_user(&ada, "ben", "operator");
    let ben_id = user_id(&server, "ben");
    let mut old = PASSWORD.to_owned();
    for round in 0..6 {
        let new = format!("{round} green otters in a row");
        let link: Value = ada.call("reset_password", &[("user", &ben_id)]).json().unwrap();
        let link = link_secret(link["secret"].as_str().unwrap());
        let (owner, attacker) = (server.new_client(), server.new_client());
        let replace = thread::spawn(move || {
            owner.call("set_up", &[("link", &link), ("password", &new)]).error_for_status().unwrap();
            owner
        });
        attacker.call("sign_in", &[("name", "ben"), ("password", &old)]);
        let owner = replace.join().unwrap();
        assert!(redirect_target(&attacker.get("/")).starts_with("/sign-in"), "round {round}");
        owner.page("/");
        old = format!("{round} green otters in a row");
    }
}
