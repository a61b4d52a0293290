//! Password guessing from one and from many addresses: rate limits of the sign-in, and timing.

use std::{
    io::{Read, Write},
    thread,
    time::{Duration, Instant},
};

use reqwest::{Method, blocking::Response};
use serde_json::Value;

use crate::support::{
    accounts::{ADA, PASSWORD, ServerWithAccounts, UserClient},
    raw_http::status_of,
};

const PROXY: [&str; 2] = ["--trusted-proxy", "127.0.0.0/8"];
const MANY: usize = 10_000;
/// The address from which Ada has signed in.
const HOME: &str = "192.0.2.77";

/// A server behind a trusted proxy, and Ada, who has signed in from [`HOME`].
fn server_behind_proxy() -> (ServerWithAccounts, UserClient) {
    let (server, link) = ServerWithAccounts::new(&PROXY);
    let ada = server.new_client();
    let form = [("link", link.as_str()), ("name", ADA), ("password", PASSWORD), ("again", PASSWORD)];
    let request = ada.request(Method::POST, "/api/set_up").header("x-forwarded-for", HOME);
    assert_eq!(ada.send(request.form(&form)).status(), 200);
    (server, ada)
}

fn sign_in(server: &ServerWithAccounts, name: &str, password: &str, from: &str) -> Response {
    let client = server.new_client();
    let request = client.request(Method::POST, "/api/sign_in").header("x-forwarded-for", from);
    client.send(request.form(&[("name", name), ("password", password)]))
}

/// A distinct client address for every number.
fn address_of(number: usize) -> String {
    format!("10.{}.{}.{}", number >> 16 & 255, number >> 8 & 255, number & 255)
}

/// Sends a guess for each name and address, pipelined on one connection; returns the responses.
fn send_guesses(server: &ServerWithAccounts, guesses: impl Iterator<Item = (String, String)>) -> Vec<String> {
    let mut stream = server.process.connect();
    let mut writer = stream.try_clone().unwrap();
    let mut requests = Vec::new();
    for (name, from) in guesses {
        let body = format!("name={name}&password=wrong+green+otters");
        requests.push(format!(
            "POST /api/sign_in HTTP/1.1\r\nhost: localhost\r\nx-forwarded-for: {from}\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        ));
    }
    requests.push("GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".to_owned());
    let send = thread::spawn(move || writer.write_all(requests.concat().as_bytes()).unwrap());
    let mut responses = String::new();
    stream.read_to_string(&mut responses).unwrap();
    send.join().unwrap();
    let responses = responses.split("HTTP/1.1 ").skip(1).map(|response| format!("HTTP/1.1 {response}"));
    let mut responses: Vec<String> = responses.collect();
    assert_eq!(status_of(&responses.pop().unwrap()), 200, "healthy at the end");
    responses
}

/// Asserts that at most `max_checked` guesses were checked; the others were rate limited, with `Retry-After`.
fn assert_rate_limited(max_checked: usize, responses: &[String]) {
    let rejected = responses
        .iter()
        .filter(|response| status_of(response) == 429 && response.contains("\r\nretry-after: "))
        .count();
    let checked = responses.iter().filter(|response| status_of(response) == 401).count();
    assert_eq!(rejected + checked, responses.len());
    assert!((1..=max_checked).contains(&checked), "{checked}");
}

/// The median time that a page takes for another user during the attack.
fn page_time_during(ada: &UserClient, attack: impl FnOnce() + Send) -> Duration {
    thread::scope(|scope| {
        let attack = scope.spawn(attack);
        let mut waits = Vec::new();
        while !attack.is_finished() || waits.len() < 5 {
            let started_at = Instant::now();
            ada.page("/settings");
            waits.push(started_at.elapsed());
            // A user at work, not an attacker.
            thread::sleep(Duration::from_millis(50));
        }
        attack.join().unwrap();
        waits.sort_unstable();
        waits[waits.len() / 2]
    })
}

#[test]
fn guesses_from_one_address_are_rate_limited() {
    let (server, ada) = server_behind_proxy();
    let wait = page_time_during(&ada, || {
        assert_rate_limited(12, &send_guesses(&server, (0..MANY).map(|_| (ADA.to_owned(), "203.0.113.9".to_owned()))));
        assert_eq!(sign_in(&server, ADA, PASSWORD, "203.0.113.9").status(), 429, "from the attacker's address");
        assert_rate_limited(
            30,
            &send_guesses(&server, (0..MANY / 10).map(|number| (format!("name{number}"), "203.0.113.10".to_owned()))),
        );
    });
    println!("a page takes {wait:?}");
    assert!(wait < Duration::from_millis(100), "{wait:?}");
    assert_eq!(sign_in(&server, ADA, PASSWORD, HOME).status(), 200);
    assert_eq!(sign_in(&server, ADA, PASSWORD, "198.51.100.1").status(), 200);
}

#[test]
fn guesses_from_many_addresses_do_not_lock_out_the_user() {
    let (server, ada) = server_behind_proxy();
    let wait = page_time_during(&ada, || {
        assert_rate_limited(60, &send_guesses(&server, (0..MANY).map(|number| (ADA.to_owned(), address_of(number)))));
    });
    println!("a page takes {wait:?}");
    assert!(wait < Duration::from_millis(100), "{wait:?}");
    assert_eq!(sign_in(&server, ADA, PASSWORD, HOME).status(), 200, "from a known address");
    let elsewhere = sign_in(&server, ADA, PASSWORD, "198.51.100.1");
    if elsewhere.status() == 429 {
        let wait: u64 = elsewhere.headers()["retry-after"].to_str().unwrap().parse().unwrap();
        assert!(wait <= 10, "{wait}");
        let error: Value = elsewhere.json().unwrap();
        assert_eq!(error["code"], "too_many_requests");
    }
    // A forwarded address before the trusted proxy's own does not count.
    let claimed = format!("203.0.113.50, {HOME}, not-an-address, {}", address_of(1));
    assert!(matches!(sign_in(&server, ADA, PASSWORD, &claimed).status().as_u16(), 200 | 429));
}

/// Names whose times differ by this factor could be told apart.
const MAX_TIME_RATIO: f64 = 1.25;

/// Asserts that all names get the same rejection; returns the ratio of the slowest to the quickest name.
fn rejection_time_ratio() -> f64 {
    let (server, ada) = server_behind_proxy();
    let removed = server.add_user(&ada, "removed", "viewer");
    drop(removed);
    ada.call("remove_user", &[("user", "2")]).error_for_status().unwrap();
    ada.call("add_user", &[("name", "invited"), ("role", "viewer")]).error_for_status().unwrap();
    let names = [ADA, "nobody", "removed", "invited", "%not a name%"];
    let mut quickest = names.map(|_| f64::MAX);
    let mut ratio = f64::MAX;
    // Other load makes single guesses slower, so each name counts its quickest. An account permits 50 guesses.
    for number in 1..48 {
        for (quickest, name) in quickest.iter_mut().zip(names) {
            let started_at = Instant::now();
            let response = sign_in(&server, name, "wrong green otters", &address_of(number));
            *quickest = started_at.elapsed().as_secs_f64().min(*quickest);
            assert_eq!(response.status(), 401, "{name}");
            assert!(response.headers().get("set-cookie").is_none(), "{name}");
            let error: Value = response.json().unwrap();
            assert_eq!(error["message"], "Name and password do not match.", "{name}");
        }
        let ends = quickest.iter().fold((f64::MAX, 0.0_f64), |(least, most), time| (least.min(*time), most.max(*time)));
        ratio = ends.1 / ends.0;
        if number >= 8 && ratio < MAX_TIME_RATIO {
            break;
        }
    }
    ratio
}

#[test]
fn sign_in_does_not_reveal_which_users_exist() {
    // On a busy machine even the quickest guess may have been delayed, but hardly on all four servers.
    let ratios: Vec<f64> =
        (0..4).map(|_| rejection_time_ratio()).take_while(|ratio| *ratio >= MAX_TIME_RATIO).collect();
    assert!(ratios.len() < 4, "time ratios between names: {ratios:?}");
}
