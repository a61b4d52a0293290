//! People of the same house, and the jobs of others that are not for them.

use serde_json::{Value, json};

use super::{fetch, make_private};
use crate::people::{House, Visitor};

const MARK: &str = "zqmarked";

/// An import with a mark in all that it shows.
fn marked_job(person: &Visitor, number: u32) -> i64 {
    let path = format!("/uploads?name={MARK}.csv");
    let text = format!("{MARK},b\n{MARK},1\n{MARK},2,3\n");
    let sent = person.send(person.request(http::Method::POST, &path).body(text));
    let upload: Value = sent.error_for_status().unwrap().json().unwrap();
    let input = json!({ "file": upload["upload"], "table": format!("{MARK}{number}"), "on_error": "skip" });
    let started = person.call("start_job", &[("kind", "import-csv"), ("input", &input.to_string())]);
    let job = started.error_for_status().unwrap().json().unwrap();
    person.wait(job);
    job
}

#[test]
fn a_private_job_of_somebody_else_is_as_if_there_were_none() {
    let (house, ada) = House::of_ada();
    let (otto, vera) = (house.add(&ada, "otto", "operator"), house.add(&ada, "vera", "viewer"));
    let jobs = [marked_job(&ada, 1), marked_job(&ada, 2)];
    let [job, none] = [jobs[0].to_string(), "999999".to_owned()];
    for visitor in [&otto, &vera] {
        // Remembered while it was there for everybody.
        visitor.call("pin_job", &[("id", &job)]).error_for_status().unwrap();
        assert!(visitor.page("/").contains(MARK) && visitor.page("/jobs").contains(MARK));
    }
    make_private(&ada, "import-csv", true);
    for visitor in [&otto, &vera] {
        let pages =
            ["/", "/jobs", "/jobs?text=zq", "/jobs?kind=import-csv", "/jobs?starter=ada", "/queues", "/settings"];
        for page in pages {
            let seen = visitor.page(page).replace("value=\"zq\"", "");
            assert!(!seen.contains(MARK), "{page}");
        }
        for path in ["", "/input", "/log", "/result", "/artifacts/rejected.csv", "/artifacts/nothing"] {
            let answers = [&job, &none].map(|job| {
                let answer = visitor.get(&format!("/jobs/{job}{path}"));
                (answer.status(), answer.text().unwrap().contains(MARK))
            });
            assert_eq!(answers, [(http::StatusCode::NOT_FOUND, false); 2], "{path}");
        }
        for function in
            ["cancel_job", "retry_job", "pause_job", "resume_job", "start_now", "delete_job", "rerun_job", "pin_job"]
        {
            let answers = [&job, &none].map(|job| {
                let answer = visitor.call(function, &[("id", job)]);
                (answer.status(), answer.text().unwrap().replace(&**job, "N"))
            });
            assert_eq!(answers[0], answers[1], "{function}");
        }
    }
    for from in [&job, &none] {
        let form = otto.get(&format!("/new/import-csv?from={from}")).text().unwrap();
        assert!(!form.contains(MARK), "{from}");
        let form = [("kind", "demo"), ("input", "{}"), ("rerun_of", from.as_str())];
        assert_eq!(otto.call("start_job", &form).status(), 404, "{from}");
    }
    // They are there for whoever they are for.
    for job in jobs {
        assert!(ada.page(&format!("/jobs/{job}")).contains(MARK));
        assert_eq!(fetch(&ada, &format!("/jobs/{job}/artifacts/rejected.csv")), 200);
    }
    let own = marked_job(&otto, 3);
    assert!(otto.page(&format!("/jobs/{own}")).contains(MARK));
}

#[test]
fn nobody_learns_from_a_key_what_others_have_started() {
    let (house, ada) = House::of_ada();
    let ben = house.add(&ada, "ben", "operator");
    make_private(&ada, "demo", true);
    let start = |visitor: &Visitor, seconds: u32| -> i64 {
        let input = json!({ "seconds": seconds }).to_string();
        let form = [("kind", "demo"), ("input", &input), ("idempotency_key", "nightly")];
        visitor.call("start_job", &form).error_for_status().unwrap().json().unwrap()
    };
    let first = start(&ada, 0);
    assert_eq!(start(&ada, 0), first, "one's own key is known again");
    let of_ben = start(&ben, 1);
    assert_ne!(of_ben, first);
    assert_eq!(start(&ben, 1), of_ben);
}

#[test]
fn unique_key_of_another_user_is_another_key() {
    let (house, ada) = House::of_ada();
    let ben = house.add(&ada, "ben", "operator");
    let start = |visitor: &Visitor| -> i64 {
        let later = [("start_at", "2100-01-01T00:00:00Z"), ("unique_key", "nightly")];
        let form = [&[("kind", "demo"), ("input", r#"{"seconds":0}"#)][..], &later].concat();
        visitor.call("start_job", &form).error_for_status().unwrap().json().unwrap()
    };
    let of_ada = start(&ada);
    for private in [false, true] {
        make_private(&ada, "demo", private);
        let of_ben = start(&ben);
        assert_ne!(of_ben, of_ada, "private: {private}");
        assert_eq!((start(&ben), start(&ada)), (of_ben, of_ada), "one's own key is known again");
        ben.call("cancel_job", &[("id", &of_ben.to_string())]).error_for_status().unwrap();
    }
}

#[test]
fn nobody_takes_away_what_is_not_theirs() {
    let (house, ada) = House::of_ada();
    let (otto, ben) = (house.add(&ada, "otto", "operator"), house.add(&ada, "ben", "operator"));
    let job = otto.run().to_string();
    assert_eq!(ben.call("delete_job", &[("id", &job)]).status(), 403);
    super::token(&otto, "of otto", &["read"]);
    let id: i64 = super::cell(house.data(), "select id from token where name = 'of otto'");
    assert_eq!(ben.call("revoke_token", &[("id", &id.to_string())]).status(), 409);
    assert_eq!(ada.call("revoke_token", &[("id", &id.to_string())]).status(), 409, "an administrator by another way");
    let session: String = super::cell(house.data(), "select hex(substr(key, 1, 8)) from session where user = 2");
    ben.call("end_session", &[("session", &session.to_lowercase())]).error_for_status().unwrap();
    otto.page("/settings");
    assert_eq!(ada.call("remove_user", &[("user", "1")]).status(), 409, "somebody must be left to let people in");
    assert_eq!(ada.call("change_role", &[("user", "1"), ("role", "viewer")]).status(), 409);
}
