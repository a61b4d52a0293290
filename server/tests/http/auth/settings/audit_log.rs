//! The audit log: its page, filters and CSV export.

use reqwest::header::{CONTENT_DISPOSITION, CONTENT_TYPE};

use super::*;

#[test]
fn audit_log_describes_each_action_with_its_user() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let mei = server.add_user(&ada, "mei", "viewer");
    succeeded(ada.call("change_role", &[("user", &user_id(&ada, "mei")), ("role", "operator")]));
    server.new_client().call("sign_in", &[("name", "mei"), ("password", "not her password")]);
    let job = mei.run();
    let form = [("name", "ci"), ("read", "true"), ("start", "true"), ("expires", "never")];
    let token = succeeded(mei.call("make_token", &form))["secret"].as_str().unwrap().to_owned();
    let client = Client::builder().timeout(TIMEOUT).build().unwrap();
    let rerun = client.post(server.process.url("/api/rerun_job")).form(&[("id", job.to_string())]);
    assert_eq!(rerun.header(AUTHORIZATION, format!("Bearer {token}")).send().unwrap().status(), 200);

    let page = ada.page("/settings/audit");
    for sentence in [
        "set up the server",
        "added mei as viewer",
        "created a password link for mei",
        "set a password by link",
        "changed the role of mei from viewer to operator",
        "failed to sign in as “mei”",
        "created the token ci of mei, read and start",
        "with token ci",
        "127.0.0.1",
    ] {
        assert!(page.contains(sentence), "{sentence}: {page}");
    }
    assert!(page.contains(&format!("href=\"/jobs/{job}\">#{job}<")), "{page}");
}

#[test]
fn audit_log_is_filtered_by_query_and_paged() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let mei = server.add_user(&ada, "mei", "operator");
    let job = mei.run();
    let count = |query: &str| ada.page(&format!("/settings/audit?{query}")).matches("<tr").count() - 1;
    assert_eq!(count("what=job_started"), 1);
    assert_eq!(count(&format!("job={job}")), 1);
    assert_eq!(count("who=MEI&what=password_set"), 1);
    assert_eq!(count("who=ada&what=user_added&from=2020-01-01&until=2100-01-01"), 1);
    assert!(ada.page("/settings/audit?until=2020-01-01").contains("Try other filters."));

    let user = user_id(&ada, "mei");
    for _ in 0..100 {
        succeeded(ada.call("reset_password", &[("user", &user)]));
    }
    let first = ada.page("/settings/audit?what=link_made");
    assert_eq!(first.matches("<tr").count(), 101);
    let older = first.split("href=\"").find(|rest| rest.contains(">Older<") || rest.contains("before=")).unwrap();
    let older = older.split('"').next().unwrap().replace("&amp;", "&");
    let second = ada.page(&older);
    assert!(second.contains("Newest") && !second.contains("Older"), "{second}");
    assert_eq!(second.matches("<tr").count(), 3);
}

#[test]
fn invalid_audit_filter_is_named_on_page_and_rejected_in_csv() {
    let (_server, ada) = ServerWithAccounts::with_admin();
    for (query, field, wrong) in [
        ("what=dancing", "what", "What: unknown action “dancing”"),
        ("job=first", "job", "Job: “first” is not a number"),
        ("job=-1", "job", "Job: “-1” is not a number"),
        ("from=yesterday", "from", "From: “yesterday” is not a date"),
        ("from=2026-05-02&until=2026-05-01", "until", "Until: 2026-05-01 is before 2026-05-02"),
        ("before=x", "before", "Page: “x” is not a number"),
    ] {
        let page = ada.page(&format!("/settings/audit?{query}"));
        assert!(page.contains(wrong) && page.contains("<tr"), "{wrong}: {page}");
        let rejection = rejected(ada.get(&format!("/settings/audit.csv?{query}")), 422, "invalid_input");
        assert_eq!(rejection["field"], field);
    }
}

#[test]
fn audit_csv_has_all_filtered_rows_and_no_formulas() {
    let (_server, ada) = ServerWithAccounts::with_admin();
    for name in ["=1+1", "+1+1", "-1+1", "@sum(a1)", "a,\"b\""] {
        ada.call("make_token", &[("name", name), ("read", "true"), ("expires", "never")]);
    }
    let response = ada.get("/settings/audit.csv");
    assert_eq!(response.headers()[CONTENT_TYPE], "text/csv; charset=utf-8; header=present");
    assert!(
        response.headers()[CONTENT_DISPOSITION].to_str().unwrap().starts_with("attachment; filename=\"audit.csv\"")
    );
    assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
    let text = response.text().unwrap();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    assert_eq!(reader.headers().unwrap(), vec!["time", "who", "token", "address", "what", "job", "detail"]);
    let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
    assert!(rows.iter().flatten().all(|cell| !cell.starts_with(['=', '+', '-', '@', '\t', '\r'])), "{text}");
    for detail in ["'=1+1", "'+1+1", "'-1+1", "'@sum(a1)", "a,\"b\""] {
        assert!(rows.iter().any(|row| &row[4] == "token_made" && row[6].starts_with(detail)), "{detail}: {text}");
    }
    assert!(rows.iter().any(|row| &row[4] == "set_up" && &row[1] == ADA && &row[3] == "127.0.0.1"), "{text}");

    let some = ada.get("/settings/audit.csv?what=token_made").text().unwrap();
    assert_eq!(some.lines().count(), 6, "{some}");
}

#[test]
fn long_audit_csv_is_complete() {
    let (_server, ada) = ServerWithAccounts::with_admin();
    let (starters, starts) = (10, 110);
    std::thread::scope(|scope| {
        for _ in 0..starters {
            let starter = ada.with_same_cookies();
            scope.spawn(move || {
                for _ in 0..starts {
                    starter.start(r#"{"seconds":0}"#);
                }
            });
        }
    });
    let text = ada.get("/settings/audit.csv?what=job_started").text().unwrap();
    let jobs: std::collections::BTreeSet<_> =
        text.lines().skip(1).map(|line| line.split(',').nth(5).unwrap()).collect();
    assert_eq!(jobs.len(), starters * starts);
}
