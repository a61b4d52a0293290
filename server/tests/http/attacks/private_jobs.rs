//! Private jobs and other objects of another user of the same server.

use serde_json::{Value, json};

use crate::support::{
    accounts::{ServerWithAccounts, UserClient, fetch_status, make_private},
    database::query_value,
};

const MARK: &str = "zqmarked";

/// Runs an import with a mark in everything that it shows.
fn marked_job(user: &UserClient, number: u32) -> i64 {
    let path = format!("/uploads?name={MARK}.csv");
    let text = format!("{MARK},b\n{MARK},1\n{MARK},2,3\n");
    let sent = user.send(user.request(http::Method::POST, &path).body(text));
    let upload: Value = sent.error_for_status().unwrap().json().unwrap();
    let input = json!({ "file": upload["upload"], "table": format!("{MARK}{number}"), "on_error": "skip" });
    let started = user.call("start_job", &[("kind", "import-csv"), ("input", &input.to_string())]);
    let job = started.error_for_status().unwrap().json().unwrap();
    user.wait(job);
    job
}

#[test]
fn private_job_of_another_user_looks_nonexistent() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let (otto, vera) = (server.add_user(&ada, "otto", "operator"), server.add_user(&ada, "vera", "viewer"));
    let jobs = [marked_job(&ada, 1), marked_job(&ada, 2)];
    let [job, none] = [jobs[0].to_string(), "999999".to_owned()];
    for user in [&otto, &vera] {
        // Pinned while the job was visible to everyone.
        user.call("pin_job", &[("id", &job)]).error_for_status().unwrap();
        assert!(user.page("/").contains(MARK) && user.page("/jobs").contains(MARK));
    }
    make_private(&ada, "import-csv", true);
    for user in [&otto, &vera] {
        let pages =
            ["/", "/jobs", "/jobs?text=zq", "/jobs?kind=import-csv", "/jobs?starter=ada", "/queues", "/settings"];
        for page in pages {
            let seen = user.page(page).replace("value=\"zq\"", "");
            assert!(!seen.contains(MARK), "{page}");
        }
        for path in ["", "/input", "/log", "/result", "/artifacts", "/artifacts/rejected.csv", "/artifacts/nothing"] {
            let responses = [&job, &none].map(|job| {
                let response = user.get(&format!("/jobs/{job}{path}"));
                (response.status(), response.text().unwrap().contains(MARK))
            });
            assert_eq!(responses, [(http::StatusCode::NOT_FOUND, false); 2], "{path}");
        }
        for function in [
            "cancel_job",
            "retry_job",
            "pause_job",
            "resume_job",
            "start_now",
            "dismiss_job",
            "delete_job",
            "rerun_job",
            "pin_job",
        ] {
            let responses = [&job, &none].map(|job| {
                let response = user.call(function, &[("id", job)]);
                (response.status(), response.text().unwrap().replace(&**job, "N"))
            });
            assert_eq!(responses[0], responses[1], "{function}");
        }
    }
    for from in [&job, &none] {
        let form = otto.get(&format!("/new/import-csv?from={from}")).text().unwrap();
        assert!(!form.contains(MARK), "{from}");
        let form = [("kind", "demo"), ("input", "{}"), ("rerun_of", from.as_str())];
        assert_eq!(otto.call("start_job", &form).status(), 404, "{from}");
    }
    // The owners still see their jobs.
    for job in jobs {
        assert!(ada.page(&format!("/jobs/{job}")).contains(MARK));
        assert_eq!(fetch_status(&ada, &format!("/jobs/{job}/artifacts/rejected.csv")), 200);
    }
    let own = marked_job(&otto, 3);
    assert!(otto.page(&format!("/jobs/{own}")).contains(MARK));
}

#[test]
fn idempotency_key_of_another_user_is_another_key() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let ben = server.add_user(&ada, "ben", "operator");
    make_private(&ada, "demo", true);
    let start = |user: &UserClient, seconds: u32| -> i64 {
        let input = json!({ "seconds": seconds }).to_string();
        let form = [("kind", "demo"), ("input", &input), ("idempotency_key", "nightly")];
        user.call("start_job", &form).error_for_status().unwrap().json().unwrap()
    };
    let first = start(&ada, 0);
    assert_eq!(start(&ada, 0), first, "the user's own key matches");
    let of_ben = start(&ben, 1);
    assert_ne!(of_ben, first);
    assert_eq!(start(&ben, 1), of_ben);
}

#[test]
fn unique_key_of_another_user_is_another_key() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let ben = server.add_user(&ada, "ben", "operator");
    let start = |user: &UserClient| -> i64 {
        let later = [("start_at", "2100-01-01T00:00:00Z"), ("unique_key", "nightly")];
        let form = [&[("kind", "demo"), ("input", r#"{"seconds":0}"#)][..], &later].concat();
        user.call("start_job", &form).error_for_status().unwrap().json().unwrap()
    };
    let of_ada = start(&ada);
    for private in [false, true] {
        make_private(&ada, "demo", private);
        let of_ben = start(&ben);
        assert_ne!(of_ben, of_ada, "private: {private}");
        assert_eq!((start(&ben), start(&ada)), (of_ben, of_ada), "the user's own key matches");
        ben.call("cancel_job", &[("id", &of_ben.to_string())]).error_for_status().unwrap();
    }
}

#[test]
fn deleting_what_belongs_to_another_user_is_rejected() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let (otto, ben) = (server.add_user(&ada, "otto", "operator"), server.add_user(&ada, "ben", "operator"));
    let job = otto.run().to_string();
    assert_eq!(ben.call("delete_job", &[("id", &job)]).status(), 403);
    crate::support::accounts::make_token(&otto, "of otto", &["read"]);
    let id: i64 = query_value(server.data(), "select id from token where name = 'of otto'");
    assert_eq!(ben.call("revoke_token", &[("id", &id.to_string())]).status(), 409);
    assert_eq!(
        ada.call("revoke_token", &[("id", &id.to_string())]).status(),
        409,
        "administrators use revoke_token_of"
    );
    let session: String = query_value(server.data(), "select hex(substr(key, 1, 8)) from session where user = 2");
    ben.call("end_session", &[("session", &session.to_lowercase())]).error_for_status().unwrap();
    otto.page("/settings");
    assert_eq!(ada.call("remove_user", &[("user", "1")]).status(), 409, "one administrator must remain");
    assert_eq!(ada.call("change_role", &[("user", "1"), ("role", "viewer")]).status(), 409);
}

#[test]
fn rerun_without_right_to_start_leaves_the_job_unchanged() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let ben = server.add_user(&ada, "ben", "operator");
    let backup: i64 = ada.call("start_job", &[("kind", "backup"), ("input", "{}")]).json().unwrap();
    let form = [("kind", "demo"), ("input", r#"{"seconds":0}"#), ("rerun_of", &backup.to_string())];
    assert_eq!(ben.call("start_job", &form).status(), 403);
    assert_eq!(query_value::<i64>(server.data(), "select count(*) from job where repeated_by is not null"), 0);
    assert_eq!(ada.call("start_job", &form).status(), 200);
}
