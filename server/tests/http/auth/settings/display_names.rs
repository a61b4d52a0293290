//! Display names: set by the user and by administrators, shown wherever a user is named.

use super::*;
use crate::support::sse_reader::SseReader;

/// What pages show for mei.
const SHOWN: &str = "<bdi title=\"mei\">Mei Lin</bdi>";

/// An administrator, and the operator mei, who is shown as Mei Lin.
fn with_mei() -> (ServerWithAccounts, UserClient, UserClient) {
    let (server, ada) = ServerWithAccounts::with_admin();
    let mei = server.add_user(&ada, "mei", "operator");
    let page = submit_and_follow(&mei, "set_display_name", &[("display_name", "  Mei Lin ")]);
    assert!(page.contains("You are now shown as Mei Lin."), "{page}");
    (server, ada, mei)
}

#[test]
fn display_name_is_shown_wherever_a_user_is_named() {
    let (server, ada, mei) = with_mei();
    let job = mei.run();
    succeeded(mei.call("add_note", &[("id", &job.to_string()), ("text", "Looks good.")]));
    succeeded(mei.call("send_message", &[("to", "user"), ("user", ADA), ("text", "Hello"), ("tone", "info")]));
    succeeded(ada.call("send_message", &[("to", "user"), ("user", "mei"), ("text", "Hi"), ("tone", "info")]));
    succeeded(mei.call("make_token", &[("name", "ci"), ("read", "true"), ("expires", "never")]));
    let plan = [("$name", "Nightly"), ("$expression", "0 2 1 1 *"), ("$zone", "UTC"), ("$overlap", "queue")];
    let plan = [&plan[..], &[("$missed", "skip"), ("$most", "1"), ("$priority", ""), ("seconds", "0")]].concat();
    let schedule = redirect_target(&mei.post("/schedules/new?kind=demo", &plan));
    let id = schedule.rsplit('/').next().unwrap();
    mei.call("run_schedule", &[("id", id)]).error_for_status().unwrap();
    let (job_page, edit) = (format!("/jobs/{job}"), format!("{schedule}/edit"));

    // Started by, the activity, and the note.
    assert_eq!(ada.page(&job_page).matches(SHOWN).count(), 3, "{}", ada.page(&job_page));
    // Runs as, changed by, and a run that was started manually.
    assert_eq!(ada.page(&schedule).matches(SHOWN).count(), 3, "{}", ada.page(&schedule));
    assert!(ada.page(&edit).contains(SHOWN));
    let messages = ada.page("/messages");
    assert!(messages.contains(SHOWN) && messages.contains(&format!("to {SHOWN}")), "{messages}");
    // The user and their token.
    assert_eq!(ada.page("/settings/users").matches(SHOWN).count(), 2);
    let audit = ada.page("/settings/audit");
    assert!(audit.contains(&format!("<span>{SHOWN}</span><small>mei</small>")), "{audit}");
    assert!(audit.contains("added Mei Lin (mei) as operator"), "{audit}");
    assert!(audit.contains("changed their display name from none to “Mei Lin”"), "{audit}");
    mei.call("pause_schedule", &[("id", id)]).error_for_status().unwrap();
    assert!(ada.page("/schedules").contains("by Mei Lin"));
    // The account menu, and the account.
    let profile = mei.page("/settings");
    assert_eq!(profile.matches(SHOWN).count(), 2, "{profile}");
    assert!(profile.contains(">ML<") && profile.contains("mei, Operator"), "{profile}");

    succeeded(ada.call("change_role", &[("user", &user_id(&ada, "mei")), ("role", "administrator")]));
    mei.call("pause_queue", &[("queue", "default")]).error_for_status().unwrap();
    assert!(ada.page("/queues").contains(SHOWN) && ada.page("/").contains(SHOWN));
    let waiting = ada.start("{}");
    assert!(ada.page(&format!("/jobs/{waiting}")).contains(SHOWN), "who paused its queue");
    drop(server);
}

#[test]
fn events_carry_the_display_name_beside_the_sign_in_name() {
    let (_server, ada, mei) = with_mei();
    let mut events = SseReader::open(&ada, "topic=messages");
    succeeded(mei.call("send_message", &[("to", "user"), ("user", ADA), ("text", "Hello"), ("tone", "info")]));
    assert!(events.read_until("Hello").contains(r#""from":"mei","display_name":"Mei Lin""#));

    let job = mei.start(r#"{"seconds":600}"#);
    let mut events = SseReader::open(&ada, &format!("job={job}"));
    events.read_until(r#""state":"running""#);
    mei.call("cancel_job", &[("id", &job.to_string())]).error_for_status().unwrap();
    let name = r#""cancel_requested_by":"mei","cancel_requested_by_name":"Mei Lin""#;
    assert!(events.read_until(name).contains(&format!(r#""job":{job}"#)));
    ada.wait(job);
    // A snapshot shows the name of today.
    succeeded(mei.call("set_display_name", &[("display_name", "Dr Lin")]));
    let snapshot = ada.api_get(&format!("/events?job={job}&until=end")).text().unwrap();
    assert!(snapshot.contains(&name.replace("Mei Lin", "Dr Lin")), "{snapshot}");
    let page = ada.page(&format!("/jobs/{job}"));
    assert!(page.contains("asked by Dr Lin"), "{page}");
}

#[test]
fn rights_filters_and_interfaces_use_the_sign_in_name() {
    let (server, ada, mei) = with_mei();
    let job = mei.run();
    assert_eq!(ada.page("/settings/audit?who=mei&what=job_started").matches("<tr").count(), 2);
    assert!(ada.page("/settings/audit?who=Mei+Lin").contains("Try other filters."));
    let snapshot = ada.api_get(&format!("/events?job={job}&until=end")).text().unwrap();
    assert!(snapshot.contains(r#""created_by":"mei""#) && !snapshot.contains("Mei Lin"), "{snapshot}");
    assert!(ada.get("/settings/audit.csv?what=job_started").text().unwrap().contains(",mei,"));
    let form = [("to", "user"), ("user", "Mei Lin"), ("text", "Hi"), ("tone", "info")];
    assert_eq!(rejected(ada.call("send_message", &form), 422, "invalid_input")["field"], "user");
    assert_eq!(server.new_client().call("sign_in", &[("name", "Mei Lin"), ("password", PASSWORD)]).status(), 401);
    mei.sign_in("mei");
}

#[test]
fn invalid_display_name_is_rejected_at_its_field_and_kept() {
    let (server, ada, mei) = with_mei();
    server.add_user(&ada, "otto", "viewer");
    let user = user_id(&ada, "otto");
    let long = "x".repeat(61);
    for (name, why) in [
        (&*long, "has at most 60 characters; this one has 61"),
        ("a\u{202e}b", "control characters"),
        ("a\u{7}b", "control characters"),
        ("\u{200b}", "invisible"),
        ("local", "is reserved"),
        ("ADA", "Choose another one"),
    ] {
        for (client, function, form) in [
            (&mei, "set_display_name", vec![("display_name", name)]),
            (
                &ada,
                "rename_user",
                vec![("user", &*user), ("display_name", if name == "ADA" { "mei  lin" } else { name })],
            ),
        ] {
            let page = page_of(client.submit(function, &form), 422);
            let error = page.split(&format!("id=\"{function}-display_name-error\"")).nth(1).unwrap();
            assert!(error.split("</p>").next().unwrap().contains(why), "{name:?}: {error}");
            let typed = form.last().unwrap().1;
            assert!(page.contains(&format!("value=\"{typed}\"")), "{name:?} is kept: {page}");
            assert_eq!(rejected(client.call(function, &form), 422, "invalid_input")["field"], "display_name");
        }
    }
    assert!(ada.page("/settings/users").contains(SHOWN));
    rejected(mei.call("set_display_name", &[]), 400, "missing_argument");
}

#[test]
fn only_administrators_change_display_names_of_others() {
    let (_server, ada, mei) = with_mei();
    rejected(mei.call("rename_user", &[("user", "1"), ("display_name", "Eve")]), 403, "forbidden");
    // An argument of the other function changes nothing.
    succeeded(mei.call("set_display_name", &[("user", "1"), ("display_name", "Mei")]));
    let users = ada.page("/settings/users");
    assert!(users.contains("<bdi title=\"mei\">Mei</bdi>") && !users.contains("<bdi title=\"ada\""), "{users}");
    let user = user_id(&ada, "mei");

    let form = ada.page(&format!("/settings/users?rename={user}"));
    assert!(form.contains("Display name of mei") && form.contains("value=\"Mei\""), "{form}");
    assert!(!ada.page("/settings/users?rename=99").contains("Display name of"));
    let page = submit_and_follow(&ada, "rename_user", &[("user", &user), ("display_name", "Dr Lin")]);
    assert!(page.contains("mei is now shown as Dr Lin."), "{page}");
    let page = submit_and_follow(&ada, "rename_user", &[("user", &user), ("display_name", "")]);
    assert!(page.contains("mei has no display name now."), "{page}");
    assert!(!ada.page("/settings/users").contains("<bdi"));
    let audit = ada.page("/settings/audit?what=display_name_changed");
    assert!(audit.contains("changed the display name of mei from “Dr Lin” to none"), "{audit}");
    rejected(ada.call("rename_user", &[("user", "99"), ("display_name", "A")]), 409, "no_such_user");
    succeeded(ada.call("remove_user", &[("user", &user)]));
    rejected(ada.call("rename_user", &[("user", &user), ("display_name", "A")]), 409, "no_such_user");
}
