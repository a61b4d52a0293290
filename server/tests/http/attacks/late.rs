//! Who was let in, and has become somebody else by the time it matters.

use std::{
    io::{Read, Write},
    os::unix::fs::PermissionsExt,
    thread,
};

use model::Scope;
use reqwest::Method;
use serde_json::Value;
use tempfile::TempDir;

use super::{cell, number_of, status};
use crate::{
    database::database,
    milepost::Milepost,
    people::{ADA, House, PASSWORD, leads_to, secret_of},
};

#[test]
fn a_form_that_comes_after_its_sender_has_been_signed_out_starts_nothing() {
    let (house, ada) = House::of_ada();
    let ben = house.add(&ada, "ben", "operator");
    for (path, field) in [("/new/demo", "seconds=0"), ("/uploads?name=a", "some text")] {
        let cookie = format!("milepost_session={}", ben.session().unwrap());
        let mut stream = house.milepost.connect();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\nsec-fetch-site: same-origin\r\ncookie: {cookie}\r\nconnection: \
             close\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: 9\r\nexpect: \
             100-continue\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        // Whoever is asked to go on has been let in.
        let mut go_on = [0; 25];
        stream.read_exact(&mut go_on).unwrap();
        assert!(go_on.starts_with(b"HTTP/1.1 100"));
        ada.call("end_sessions_of", &[("user", &number_of(&house, "ben"))]).error_for_status().unwrap();
        stream.write_all(field.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert_eq!(status(&answer), 401, "{path}: {answer}");
        ben.sign_in("ben");
    }
    assert_eq!(cell::<i64>(house.data(), "select count(*) from job"), 0);
}

#[test]
fn an_old_password_tried_while_it_is_replaced_leaves_no_session() {
    let (house, ada) = House::of_ada();
    house.add(&ada, "ben", "operator");
    let number = number_of(&house, "ben");
    let mut old = PASSWORD.to_owned();
    for round in 0..6 {
        let new = format!("{round} green otters in a row");
        let link: Value = ada.call("reset_password", &[("user", &number)]).json().unwrap();
        let link = secret_of(link["secret"].as_str().unwrap());
        let (owner, thief) = (house.visitor(), house.visitor());
        let replace = thread::spawn(move || {
            owner.call("set_up", &[("link", &link), ("password", &new)]).error_for_status().unwrap();
            owner
        });
        thief.call("sign_in", &[("name", "ben"), ("password", &old)]);
        let owner = replace.join().unwrap();
        assert!(leads_to(&thief.get("/")).starts_with("/sign-in"), "round {round}");
        owner.page("/");
        old = format!("{round} green otters in a row");
    }
}

#[test]
fn a_program_leaves_no_session_behind() {
    let (house, ada) = House::of_ada();
    let job = ada.run().to_string();
    let program = ada.program("ci", &[Scope::Read, Scope::Start]);
    let sessions = || cell::<i64>(house.data(), "select count(*) from session");
    let before = sessions();
    for _ in 0..5 {
        assert_eq!(program.call("pin_job", &[("id", &job)]).status(), 200);
        assert_eq!(program.call("unpin_job", &[("id", &job)]).status(), 200);
        program.submit("cancel_job", &[("id", &job)]);
        program.get("/jobs");
    }
    assert_eq!(sessions(), before);
}

#[test]
fn who_may_not_start_a_kind_takes_no_attention_from_its_jobs() {
    let (house, ada) = House::of_ada();
    let ben = house.add(&ada, "ben", "operator");
    let backup: i64 = ada.call("start_job", &[("kind", "backup"), ("input", "{}")]).json().unwrap();
    let form = [("kind", "demo"), ("input", r#"{"seconds":0}"#), ("rerun_of", &backup.to_string())];
    assert_eq!(ben.call("start_job", &form).status(), 403);
    assert_eq!(cell::<i64>(house.data(), "select count(*) from job where repeated_by is not null"), 0);
    assert_eq!(ada.call("start_job", &form).status(), 200);
}

#[test]
fn strangers_are_not_told_what_is_wrong_with_the_store() {
    let (house, _ada) = House::of_ada();
    database(&house.data().join("milepost.db"), async |connection| {
        sqlx::query("alter table ledger rename to elsewhere").execute(connection).await.unwrap();
    });
    let stranger = house.visitor();
    let answer = stranger.send(stranger.request(Method::GET, "/healthz"));
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.text().unwrap(), "No sign of life: store readers. The server log may have the details.\n");
}

#[test]
fn what_lies_in_a_folder_that_others_may_look_into_is_nobody_elses() {
    let data = TempDir::new().unwrap();
    std::fs::set_permissions(data.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut milepost = Milepost::with_accounts(data.path(), &[]);
    let link = secret_of(&milepost.setup_link());
    let house = House::at(milepost, data);
    let ada = house.visitor();
    ada.choose_password(&link, ADA);
    ada.run();
    let entries: Vec<_> = std::fs::read_dir(house.data()).unwrap().map(Result::unwrap).collect();
    assert!(entries.iter().any(|entry| entry.file_name() == "milepost.db"));
    for entry in entries {
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}: {mode:o}", entry.path().display());
    }
}
