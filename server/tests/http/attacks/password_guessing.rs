//! Guessing passwords, from one place and from many.

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
/// Where Ada has signed in from.
const HOME: &str = "192.0.2.77";

/// A house behind a proxy that tells for whom it asks, and Ada, who has been at home there.
fn server_behind_proxy() -> (ServerWithAccounts, UserClient) {
    let (server, link) = ServerWithAccounts::new(&PROXY);
    let ada = server.new_client();
    let form = [("link", link.as_str()), ("name", ADA), ("password", PASSWORD), ("again", PASSWORD)];
    let request = ada.request(Method::POST, "/api/set_up").header("x-forwarded-for", HOME);
    assert_eq!(ada.send(request.form(&form)).status(), 200);
    (server, ada)
}

fn sign_in(server: &ServerWithAccounts, name: &str, password: &str, from: &str) -> Response {
    let user = server.new_client();
    let request = user.request(Method::POST, "/api/sign_in").header("x-forwarded-for", from);
    user.send(request.form(&[("name", name), ("password", password)]))
}

/// An address for every number.
fn place(number: usize) -> String {
    format!("10.{}.{}.{}", number >> 16 & 255, number >> 8 & 255, number & 255)
}

/// Sends a try for each name and place, one behind the other on one connection; answers the answers.
fn tries(server: &ServerWithAccounts, tries: impl Iterator<Item = (String, String)>) -> Vec<String> {
    let mut stream = server.process.connect();
    let mut writer = stream.try_clone().unwrap();
    let mut asked = Vec::new();
    for (name, from) in tries {
        let body = format!("name={name}&password=wrong+green+otters");
        asked.push(format!(
            "POST /api/sign_in HTTP/1.1\r\nhost: localhost\r\nx-forwarded-for: {from}\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        ));
    }
    asked.push("GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".to_owned());
    let send = thread::spawn(move || writer.write_all(asked.concat().as_bytes()).unwrap());
    let mut answers = String::new();
    stream.read_to_string(&mut answers).unwrap();
    send.join().unwrap();
    let answers = answers.split("HTTP/1.1 ").skip(1).map(|answer| format!("HTTP/1.1 {answer}"));
    let mut answers: Vec<String> = answers.collect();
    assert_eq!(status_of(&answers.pop().unwrap()), 200, "healthy at the end");
    answers
}

/// Of all tries, all but so many were refused without a look at the password, with a time to wait.
fn only(judged: usize, answers: &[String]) {
    let refused =
        answers.iter().filter(|answer| status_of(answer) == 429 && answer.contains("\r\nretry-after: ")).count();
    let looked_at = answers.iter().filter(|answer| status_of(answer) == 401).count();
    assert_eq!(refused + looked_at, answers.len());
    assert!((1..=judged).contains(&looked_at), "{looked_at}");
}

/// How long somebody else waits for a page meanwhile: the middle of many.
fn others_wait(ada: &UserClient, meanwhile: impl FnOnce() + Send) -> Duration {
    thread::scope(|scope| {
        let attack = scope.spawn(meanwhile);
        let mut waits = Vec::new();
        while !attack.is_finished() || waits.len() < 5 {
            let begun = Instant::now();
            ada.page("/settings");
            waits.push(begun.elapsed());
            // They are at work, not attackers themselves.
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
    let wait = others_wait(&ada, || {
        only(12, &tries(&server, (0..MANY).map(|_| (ADA.to_owned(), "203.0.113.9".to_owned()))));
        assert_eq!(sign_in(&server, ADA, PASSWORD, "203.0.113.9").status(), 429, "where it comes from");
        only(30, &tries(&server, (0..MANY / 10).map(|number| (format!("name{number}"), "203.0.113.10".to_owned()))));
    });
    println!("others wait {wait:?}");
    assert!(wait < Duration::from_millis(100), "{wait:?}");
    assert_eq!(sign_in(&server, ADA, PASSWORD, HOME).status(), 200);
    assert_eq!(sign_in(&server, ADA, PASSWORD, "198.51.100.1").status(), 200);
}

#[test]
fn guesses_from_many_addresses_do_not_lock_out_the_user() {
    let (server, ada) = server_behind_proxy();
    let wait = others_wait(&ada, || only(60, &tries(&server, (0..MANY).map(|number| (ADA.to_owned(), place(number))))));
    println!("others wait {wait:?}");
    assert!(wait < Duration::from_millis(100), "{wait:?}");
    assert_eq!(sign_in(&server, ADA, PASSWORD, HOME).status(), 200, "from where they have been before");
    let elsewhere = sign_in(&server, ADA, PASSWORD, "198.51.100.1");
    if elsewhere.status() == 429 {
        let wait: u64 = elsewhere.headers()["retry-after"].to_str().unwrap().parse().unwrap();
        assert!(wait <= 10, "{wait}");
        let told: Value = elsewhere.json().unwrap();
        assert_eq!(told["code"], "too_many_requests");
    }
    // An address that nobody vouches for does not count.
    let claimed = format!("203.0.113.50, {HOME}, not-an-address, {}", place(1));
    assert!(matches!(sign_in(&server, ADA, PASSWORD, &claimed).status().as_u16(), 200 | 429));
}

/// A name that takes this many times as long as another would be told from it.
const MOST_APART: f64 = 1.25;

/// Checks that all names are refused alike; answers how many times as long some of them take as others.
fn refused_alike() -> f64 {
    let (server, ada) = server_behind_proxy();
    let removed = server.add_user(&ada, "removed", "viewer");
    drop(removed);
    ada.call("remove_user", &[("user", "2")]).error_for_status().unwrap();
    ada.call("add_user", &[("name", "invited"), ("role", "viewer")]).error_for_status().unwrap();
    let names = [ADA, "nobody", "removed", "invited", "%not a name%"];
    let mut quickest = names.map(|_| f64::MAX);
    let mut ratio = f64::MAX;
    // Whatever else the machine does makes some tries slower; each has its quickest soon. An account may be tried 50 times.
    for number in 1..48 {
        for (quickest, name) in quickest.iter_mut().zip(names) {
            let begun = Instant::now();
            let answer = sign_in(&server, name, "wrong green otters", &place(number));
            *quickest = begun.elapsed().as_secs_f64().min(*quickest);
            assert_eq!(answer.status(), 401, "{name}");
            assert!(answer.headers().get("set-cookie").is_none(), "{name}");
            let told: Value = answer.json().unwrap();
            assert_eq!(told["message"], "Name and password do not match.", "{name}");
        }
        let ends = quickest.iter().fold((f64::MAX, 0.0_f64), |(least, most), time| (least.min(*time), most.max(*time)));
        ratio = ends.1 / ends.0;
        if number >= 8 && ratio < MOST_APART {
            break;
        }
    }
    ratio
}

#[test]
fn sign_in_does_not_reveal_which_users_exist() {
    // On a busy machine even the quickest try of one may have been held up, but not in every house.
    let ratios: Vec<f64> = (0..4).map(|_| refused_alike()).take_while(|ratio| *ratio >= MOST_APART).collect();
    assert!(ratios.len() < 4, "some take so many times as long as others: {ratios:?}");
}
