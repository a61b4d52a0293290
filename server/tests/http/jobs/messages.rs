//! Messages and notes: their recipients, their forms, and the pages that show them.

use http::StatusCode;
use serde_json::Value;

use crate::support::{
    accounts::{ServerWithAccounts, UserClient, redirect_target},
    sse_reader::SseReader,
};

/// Sends a message; returns its ID and the number of recipients.
fn send(user: &UserClient, form: &[(&str, &str)]) -> (i64, i64) {
    let response = user.call("send_message", form);
    assert_eq!(response.status(), 200);
    let result: Value = response.json().unwrap();
    (result["message"].as_i64().unwrap(), result["receivers"].as_i64().unwrap())
}

fn note(user: &UserClient, job: i64, text: &str) -> i64 {
    let response = user.call("add_note", &[("id", &job.to_string()), ("text", text)]);
    assert_eq!(response.status(), 200);
    response.json::<Value>().unwrap()["receivers"].as_i64().unwrap()
}

/// The status, code and field of an error.
fn rejected(user: &UserClient, function: &str, form: &[(&str, &str)]) -> (u16, String, String) {
    let response = user.call(function, form);
    let (status, rejection) = (response.status().as_u16(), response.json::<Value>().unwrap());
    let field = rejection["field"].as_str().unwrap_or_default().to_owned();
    (status, rejection["code"].as_str().unwrap().to_owned(), field)
}

fn error(status: u16, code: &str, field: &str) -> (u16, String, String) {
    (status, code.to_owned(), field.to_owned())
}

/// Makes the jobs of check-links private.
fn make_link_jobs_private(ada: &UserClient) {
    let rule = [("kind", "check-links"), ("start", ""), ("seen_by", "starter")];
    ada.call("change_kind_rule", &rule).error_for_status().unwrap();
}

/// Schedules a job for 2099.
fn schedule_job(user: &UserClient, kind: &str, input: &str) -> i64 {
    let form = [("kind", kind), ("input", input), ("start_at", "2099-01-01T00:00:00Z")];
    user.call("start_job", &form).error_for_status().unwrap().json().unwrap()
}

const LINKS: &str = r#"{"urls":"http://127.0.0.1:9/","concurrency":1,"timeout":1,"per_host_per_second":1}"#;

#[test]
fn message_reaches_only_its_recipients_live_and_in_replay() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let [ben, vera] = [("ben", "operator"), ("vera", "viewer")].map(|(name, role)| server.add_user(&ada, name, role));
    let [mut of_ada, mut of_ben, mut of_vera] = [&ada, &ben, &vera].map(|one| SseReader::open(one, "topic=messages"));
    let again = format!("topic=messages&after={}", of_ada.cursor);

    let (first, receivers) = send(&ada, &[("to", "everyone"), ("text", "Down at ten"), ("tone", "warning")]);
    assert_eq!(receivers, 3);
    let (second, receivers) =
        send(&ben, &[("to", "user"), ("user", " Vera "), ("text", "A secret\r\nin two lines\u{7}")]);
    assert_eq!((receivers, second > first), (1, true));
    send(&ada, &[("to", "everyone"), ("text", "That is all")]);

    let mut later = [&ada, &ben, &vera].map(|one| SseReader::open(one, &again));
    let [ada_later, ben_later, vera_later] = &mut later;
    for reader in [&mut of_ada, &mut of_ben, ada_later, ben_later] {
        reader.read_until(r#""text":"Down at ten""#);
        reader.read_until_without("That is all", &["secret"]);
    }
    for reader in [&mut of_vera, vera_later] {
        reader.read_until(r#""text":"Down at ten""#);
        let line = reader.read_until("secret");
        let message: Value = serde_json::from_str(line.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!((&message["text"], &message["from"]), (&"A secret\nin two lines".into(), &"ben".into()));
        assert_eq!(
            (&message["to"], &message["user"], &message["number"]),
            (&"user".into(), &"vera".into(), &second.into())
        );
    }
    assert!(!ada.page("/messages").contains("secret"), "administrators cannot read messages of other users");
    assert!(ben.page("/messages").contains("secret"));
    assert!(vera.page("/messages").contains("A secret\nin two lines"));
    assert!(!ada.page("/settings/audit").contains("secret"));
    assert!(ada.page("/settings/audit").contains("wrote to vera"));
}

#[test]
fn api_client_receives_messages_of_its_user() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let ben = server.add_user(&ada, "ben", "operator");
    let program = ben.api_client("bot", &[model::Scope::Read]);
    let mut reader = SseReader::new(program.api_get("/events?topic=messages"));
    assert_eq!(send(&ada, &[("to", "user"), ("user", "ben"), ("text", "You there")]).1, 1);
    reader.read_until("You there");
}

#[test]
fn job_message_and_note_reach_only_users_who_can_see_job() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let [ben, otto] = ["ben", "otto"].map(|name| server.add_user(&ada, name, "operator"));
    let (open, private) = (schedule_job(&ben, "demo", r#"{"seconds":0}"#), schedule_job(&ben, "check-links", LINKS));
    make_link_jobs_private(&ada);
    let both = format!("topic=jobs&topic=messages&job={open}&job={private}");
    let [mut of_ada, mut of_ben, mut of_otto] = [&ada, &ben, &otto].map(|one| SseReader::open(one, &both));
    let to = |job: i64, text| send(&ben, &[("to", "job"), ("job", &job.to_string()), ("text", text)]).1;
    assert_eq!((to(private, "of the concealed"), note(&ben, private, "noted on the concealed")), (2, 2));
    assert_eq!((to(open, "of the open"), note(&otto, open, "noted on the open")), (3, 3));
    for reader in [&mut of_ada, &mut of_ben] {
        reader.read_until("of the concealed");
        reader.read_until("noted on the concealed");
        reader.read_until("noted on the open");
    }
    of_otto.read_until_without("noted on the open", &["concealed"]);
    // Nor by replay or on the page.
    let mut again = SseReader::open(&otto, &format!("{both}&after={}", of_otto.cursor));
    again.read_until_without("noted on the open", &["concealed"]);
    assert!(!otto.page("/messages").contains("concealed"));
    assert!(ben.page("/messages").contains("of the concealed"));
    let private = private.to_string();
    let form = [("id", private.as_str()), ("text", "x")];
    assert_eq!(rejected(&otto, "add_note", &form), error(404, "no_such_job", ""));
    let form = [("to", "job"), ("job", private.as_str()), ("text", "x")];
    assert_eq!(rejected(&otto, "send_message", &form), error(404, "no_such_job", "job"));
    assert!(ben.page(&format!("/jobs/{private}")).contains("noted on the concealed"));
}

/// The fields of a form.
type Form<'a> = &'a [(&'a str, &'a str)];

#[test]
fn message_form_errors_are_at_fields_and_input_is_kept() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let long = "x".repeat(1_001);
    let cases: [(Form<'_>, &str, &str, u16); 6] = [
        (&[("to", "everyone"), ("text", " \u{7}\n ")], "text", "Text is required", 422),
        (&[("to", "everyone"), ("text", &long)], "text", "at most 1,000 characters; these are 1,001", 422),
        (&[("to", "all"), ("text", "kept as typed")], "to", "Choose everyone, one user or one job", 422),
        (&[("to", "user"), ("user", "zoë"), ("text", "kept as typed")], "user", "There is no user “zoë”", 422),
        (&[("to", "job"), ("job", "soon"), ("text", "kept as typed")], "job", "Enter a job number", 422),
        (&[("to", "job"), ("job", "#77"), ("text", "kept as typed")], "job", "There is no job #77", 404),
    ];
    for (form, field, wrong, status) in cases {
        let response = ada.submit("send_message", form);
        assert_eq!(response.status().as_u16(), status);
        let page = response.text().unwrap();
        let error = page.split(&format!("id=\"send_message-{field}-error\"")).nth(1).unwrap();
        assert!(error.split("</p>").next().unwrap().contains(wrong), "{error}");
        if form.iter().any(|(_, text)| *text == "kept as typed") {
            assert!(page.contains(">\nkept as typed</textarea>"), "{page}");
        }
        assert_eq!(rejected(&ada, "send_message", form).2, field);
    }
    assert!(ada.page("/messages").contains("No messages"), "nothing was sent");
    drop(server);
}

#[test]
fn message_form_redirects_with_confirmation() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let form = [("to", "everyone"), ("text", "Good <b>morning</b>"), ("key", "k")];
    let response = ada.submit("send_message", &form);
    assert_eq!(redirect_target(&response), "/messages");
    let page = ada.page("/messages");
    assert!(page.contains("Saved. No recipient is online"), "{page}");
    assert!(page.contains("Good &lt;b&gt;morning&lt;/b&gt;"), "{page}");
    assert_eq!(redirect_target(&ada.submit("send_message", &form)), "/messages");
    assert_eq!(ada.page("/messages").matches("&lt;b&gt;morning").count(), 1, "the same form sent twice is one message");
    assert_eq!(rejected(&ada, "send_message", &[("to", "everyone"), ("text", "Other"), ("key", "k")]).1, "key_reused");
    drop(server);
}

#[test]
fn note_form_adds_note_or_shows_error_on_job_page() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let vera = server.add_user(&ada, "vera", "viewer");
    let job = schedule_job(&ada, "demo", r#"{"seconds":0}"#);
    let page = format!("/jobs/{job}");
    let id = job.to_string();
    let response = ada.submit("add_note", &[("id", &id), ("text", "Check the source first")]);
    assert_eq!(redirect_target(&response), page);
    assert!(ada.page(&page).contains("Check the source first"));
    let seen = vera.page(&page);
    assert!(seen.contains("Check the source first") && !seen.contains("Add note"), "viewers read: {seen}");

    let long = "long ".repeat(900);
    let response = ada.submit("add_note", &[("id", &id), ("text", &long)]);
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let back = response.text().unwrap();
    assert!(back.contains("add_note-text-error") && back.contains(&format!("{long}</textarea>")), "{back}");
    assert!(!back.contains("http-equiv=\"refresh\""), "a refresh would lose the input");
    assert!(ada.page(&page).contains("http-equiv=\"refresh\""));
    assert!(!ada.page(&format!("{page}?note=write")).contains("http-equiv=\"refresh\""));
    let gone = ada.submit("add_note", &[("id", "77"), ("text", "x")]);
    assert_eq!(redirect_target(&gone), "/jobs/77");
}

#[test]
fn messages_without_accounts_have_one_local_user() {
    let (server, _data) = crate::support::process::ServerProcess::start();
    let client = reqwest::blocking::Client::new();
    let send = |form: &[(&str, &str)]| {
        client.post(server.url("/api/send_message")).form(form).send().unwrap().json::<Value>().unwrap()
    };
    assert_eq!(send(&[("to", "user"), ("user", "ben"), ("text", "x")])["field"], "user");
    assert_eq!(send(&[("to", "everyone"), ("text", "hello")])["receivers"], 0);
    assert_eq!(send(&[("to", "user"), ("user", "local"), ("text", "to myself")])["receivers"], 0);
    let page = reqwest::blocking::get(server.url("/messages")).unwrap().text().unwrap();
    assert!(page.contains("hello") && page.contains("to myself"), "{page}");
}
