//! Schedules: their forms, their rights, and exactly one start of each run although the server is killed.

use std::{thread, time::Instant};

use reqwest::{StatusCode, blocking::Response};
use tempfile::TempDir;

use crate::support::{
    accounts::{ServerWithAccounts, UserClient, redirect_target},
    database::database,
    process::{ServerProcess, TIMEOUT},
};

/// The form of a schedule of short demo jobs; `changed` replaces some of its fields.
fn schedule_form<'a>(changed: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let usual = [
        ("$name", "Nightly demonstration"),
        ("$expression", "0 2 * * *"),
        ("$zone", "Europe/Prague"),
        ("$overlap", "queue"),
        ("$missed", "all"),
        ("$most", "7"),
        ("$priority", ""),
        ("seconds", "0"),
    ];
    let one = |(name, text): (&'a str, &'a str)| {
        let other = changed.iter().find(|(changed, _)| *changed == name);
        (name, other.map_or(text, |(_, text)| *text))
    };
    usual.into_iter().map(one).collect()
}

/// Creates a schedule; returns the path of its page.
fn create_schedule(user: &UserClient, changed: &[(&str, &str)]) -> String {
    let response = user.post("/schedules/new?kind=demo", &schedule_form(changed));
    assert_eq!(response.status(), StatusCode::SEE_OTHER, "{}", response.text().unwrap());
    redirect_target(&response)
}

/// The ID at the end of a path.
fn id_in(page: &str) -> &str {
    page.rsplit('/').next().unwrap()
}

fn rejected(response: Response) -> String {
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
    response.text().unwrap()
}

#[test]
fn schedule_is_created_changed_paused_run_and_deleted() {
    let (_server, ada) = ServerWithAccounts::with_admin();
    assert!(ada.page("/schedules").contains("No schedules"));
    assert!(ada.page("/schedules/new").contains("/schedules/new?kind=demo"));
    assert!(ada.page("/new/demo").contains("/schedules/new?kind=demo"), "the link from a new job");
    let page = create_schedule(&ada, &[]);
    let id = id_in(&page).to_owned();
    let shown = ada.page(&page);
    for words in ["Nightly demonstration", "02:00", "Europe/Prague", "Queue one", "up to 7", "No runs yet"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    assert_eq!(shown.matches("<li><span>").count(), 10, "the next ten runs");
    let list = ada.page("/schedules");
    assert!(list.contains("Nightly demonstration") && list.contains("0 2 * * *"));

    let form = ada.page(&format!("{page}/edit"));
    assert!(form.contains(r#"value="Nightly demonstration""#) && form.contains(r#"value="0 2 * * *""#));
    assert!(form.contains(r#"name="$revision" value="1""#), "{form}");
    let mut changed = schedule_form(&[("$name", "Hourly"), ("$expression", "0 * * * *"), ("$zone", "US/Eastern")]);
    changed.push(("$revision", "1"));
    let response = ada.post(&format!("{page}/edit"), &changed);
    assert_eq!(redirect_target(&response), page);
    assert!(ada.page(&page).contains("<h1>Hourly</h1>"));
    // A form that was opened before the change is rejected, and keeps its input.
    changed[0] = ("$name", "Rarely");
    let outdated = ada.post(&format!("{page}/edit"), &changed);
    assert_eq!(outdated.status(), StatusCode::CONFLICT);
    assert!(outdated.text().unwrap().contains(r#"value="Rarely""#));
    let form = ada.page(&format!("{page}/edit"));
    assert!(form.contains(r#"name="$revision" value="2""#) && form.contains(r#"value="Hourly""#));
    assert!(form.contains(r#"<option value="US/Eastern" selected"#), "a zone that is not in the list stays");

    ada.submit("pause_schedule", &[("id", &id)]);
    assert!(ada.page(&page).contains("by ada") && ada.page("/schedules").contains("Paused"));
    let path = redirect_target(&ada.submit("run_schedule", &[("id", &id)]));
    ada.wait(id_in(&path).parse().unwrap());
    let job = ada.page(&path);
    assert!(job.contains(&format!(r#"<a href="{page}">Hourly</a>, run manually"#)), "{job}");
    assert!(ada.page(&page).contains(&format!(r#"<a href="{path}">"#)), "its history");
    ada.submit("resume_schedule", &[("id", &id)]);
    assert!(!ada.page(&page).contains("by ada, "));

    assert!(ada.page(&format!("{page}?confirm=delete-schedule")).contains("Delete Hourly?"));
    let outdated = ada.call("delete_schedule", &[("id", &id), ("revision", "0")]);
    assert_eq!(outdated.status(), StatusCode::CONFLICT);
    assert_eq!(redirect_target(&ada.submit("delete_schedule", &[("id", &id)])), "/schedules");
    assert_eq!(ada.get(&page).status(), StatusCode::NOT_FOUND);
    assert!(!ada.page(&path).contains("<dt>Schedule</dt>"), "its jobs stay, without a link to it");
    let log = ada.page("/settings/audit");
    for words in [
        "created the schedule",
        "changed the schedule",
        "paused the schedule",
        "resumed the schedule",
        "deleted the schedule",
    ] {
        assert!(log.contains(words), "{words}");
    }
}

#[test]
fn runs_have_the_actions_of_their_jobs() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let page = create_schedule(&ada, &[]);
    let path = redirect_target(&ada.submit("run_schedule", &[("id", id_in(&page))]));
    let job = id_in(&path).to_owned();
    ada.wait(job.parse().unwrap());
    let offered = |user: &UserClient| {
        let shown = user.page(&page);
        let row = shown.split("<tr").find(|row| row.contains(&format!("href=\"{path}\""))).unwrap();
        let row = row.split("</tr>").next().unwrap();
        let labels =
            row.split("aria-label=\"").skip(1).filter(|part| !part.split('>').next().unwrap().contains("hidden"));
        labels.map(|part| part.split('"').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(offered(&ada), [format!("Run again #{job}"), format!("Delete #{job}")]);
    let shown = ada.page(&page);
    for id in ["confirm-delete", "confirm-cancel", "confirm-delete-schedule"] {
        assert_eq!(shown.matches(&format!("id=\"{id}\"")).count(), 1, "{id}");
    }
    assert_eq!(offered(&server.add_user(&ada, "otto", "operator")), [format!("Run again #{job}")]);
    assert_eq!(offered(&server.add_user(&ada, "vera", "viewer")), <[String; 0]>::default());
    assert_eq!(redirect_target(&ada.submit("delete_job", &[("id", &job), ("back", &page)])), page);
    assert!(!ada.page(&page).contains(&format!("href=\"{path}\"")), "a deleted job has no row");
}

#[test]
fn schedule_form_errors_are_at_fields_and_input_is_kept() {
    let (_server, ada) = ServerWithAccounts::with_admin();
    let faulty = schedule_form(&[
        ("$name", " "),
        ("$expression", "61 2 * * *"),
        ("$overlap", "never"),
        ("$most", "200"),
        ("$priority", "99"),
        ("seconds", "soon"),
    ]);
    let page = rejected(ada.post("/schedules/new?kind=demo", &faulty));
    let fields: Vec<_> = page.split("href=\"#field-").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(
        fields,
        ["$name", "$expression", "seconds", "$overlap", "$most", "$priority"],
        "in the order of the page"
    );
    assert!(page.contains("Not saved") && page.contains(r#"value="61 2 * * *""#) && page.contains(r#"value="soon""#));
    let page = rejected(ada.post("/schedules/new?kind=demo", &schedule_form(&[("$zone", "Mars/Olympus")])));
    assert!(page.contains("href=\"#field-$zone\""), "{page}");
    assert!(ada.page("/schedules").contains("No schedules"));
}

#[test]
fn form_of_a_job_continues_as_schedule_without_saving() {
    let (_server, ada) = ServerWithAccounts::with_admin();
    let typed = [("seconds", "soon"), ("stall_seconds", "7"), ("$priority", "3"), ("$start_at", "x"), ("$begin", "1")];
    let response = ada.post("/schedules/new?kind=demo", &typed);
    assert_eq!(response.status(), StatusCode::OK);
    let page = response.text().unwrap();
    for (name, text) in [("seconds", "soon"), ("stall_seconds", "7"), ("$priority", "3"), ("$name", "Demo")] {
        let is_filled =
            |tag: &str| tag.contains(&format!("name=\"{name}\"")) && tag.contains(&format!("value=\"{text}\""));
        assert!(page.split('<').any(is_filled), "{name}: {page}");
    }
    assert!(!page.contains("aria-invalid=\"true\"") && !page.contains("Not saved:"), "{page}");
    assert!(ada.page("/schedules").contains("No schedules"));
    // The button of a schedule's form does not bring its defaults back.
    let page =
        rejected(ada.post("/schedules/new?kind=demo", &schedule_form(&[("$name", ""), ("$zone", "Asia/Tokyo")])));
    assert!(page.contains(r#"<option value="Asia/Tokyo" selected"#), "{page}");
}

#[test]
fn preview_shows_next_runs_without_saving() {
    let (_server, ada) = ServerWithAccounts::with_admin();
    let preview = |expression| {
        let mut form = schedule_form(&[("$expression", expression)]);
        form.push(("$preview", "1"));
        ada.post("/schedules/new?kind=demo", &form)
    };
    let shown = preview("30 6 * * *");
    assert_eq!(shown.status(), StatusCode::OK);
    let page = shown.text().unwrap();
    assert!(page.contains("06:30 CE") && page.contains(r#"value="30 6 * * *""#), "{page}");
    assert!(rejected(preview("30 6 * *")).contains("href=\"#field-$expression\""));
    assert!(ada.page("/schedules").contains("No schedules"));
}

#[test]
fn only_owner_or_administrator_changes_a_schedule() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let [otto, olga] = ["otto", "olga"].map(|name| server.add_user(&ada, name, "operator"));
    let page = create_schedule(&otto, &[]);
    let id = id_in(&page);
    let seen = olga.page(&page);
    assert!(seen.contains("Run now") && !seen.contains("/edit"));
    assert_eq!(olga.get(&format!("{page}/edit")).status(), StatusCode::FORBIDDEN);
    assert_eq!(olga.call("pause_schedule", &[("id", id)]).status(), StatusCode::FORBIDDEN);
    ada.call("pause_schedule", &[("id", id)]).error_for_status().unwrap();
    // It runs in the name of the requesting user.
    let path = redirect_target(&olga.submit("run_schedule", &[("id", id)]));
    assert!(olga.page(&path).contains("<dd>olga</dd>"));
    let rule = [("kind", "demo"), ("start", ""), ("seen_by", "starter")];
    ada.call("change_kind_rule", &rule).error_for_status().unwrap();
    assert_eq!(olga.get(&page).status(), StatusCode::NOT_FOUND);
    assert!(olga.page("/schedules").contains("No schedules"));
}

#[test]
fn schedule_that_paused_itself_needs_attention_until_its_input_is_valid() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let page = create_schedule(&ada, &[]);
    let id = id_in(&page);
    let badge = r#"<span class="alarm">1<span class="visually-hidden"> need attention</span></span>"#;
    assert!(!ada.page("/").contains(badge));
    // Its input is no longer valid, as after an upgrade, and a run is due.
    database(&server.data().join("milepost.db"), async |connection| {
        let spoil = "update schedule set next_at = 1, input = '{\"seconds\": -5}'";
        sqlx::query(spoil).execute(connection).await.unwrap();
    });
    let started_at = Instant::now();
    while !ada.page(&page).contains("Paused automatically") {
        assert!(started_at.elapsed() < TIMEOUT, "it is never paused");
        thread::sleep(std::time::Duration::from_millis(50));
    }
    let overview = ada.page("/");
    assert!(overview.contains(badge), "{overview}");
    assert!(overview.contains("was paused automatically: its input is no longer valid: seconds: "), "{overview}");

    let refused = ada.call("resume_schedule", &[("id", id)]);
    assert_eq!(refused.status(), StatusCode::CONFLICT);
    let refused = refused.text().unwrap();
    assert!(refused.contains("Not resumed: its input is no longer valid: seconds: "), "{refused}");
    assert!(ada.page(&page).contains("Paused automatically"));

    assert_eq!(redirect_target(&ada.post(&format!("{page}/edit"), &schedule_form(&[]))), page);
    ada.submit("resume_schedule", &[("id", id)]);
    assert!(!ada.page(&page).contains("Paused automatically") && !ada.page("/").contains(badge));
}

/// The number of runs, and the number of distinct due times.
fn runs(data: &TempDir) -> (i64, i64) {
    database(&data.path().join("milepost.db"), async |connection| {
        sqlx::query_as("select count(*), count(distinct due) from job where schedule is not null")
            .fetch_one(connection)
            .await
            .unwrap()
    })
}

#[test]
fn run_due_while_server_is_killed_starts_once() {
    let data = TempDir::new().unwrap();
    let mut server = ServerProcess::start_in(data.path(), &[]);
    let form = schedule_form(&[("$expression", "* * * * *"), ("$overlap", "skip"), ("$missed", "all")]);
    let client = reqwest::blocking::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let response = client.post(server.url("/schedules/new?kind=demo")).form(&form).send().unwrap();
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    // The run is due now, so that the test need not wait for the full minute.
    let due = database(&data.path().join("milepost.db"), async |connection| {
        let due = "update schedule set next_at = next_at - 60000000 returning next_at";
        sqlx::query_scalar::<_, i64>(due).fetch_all(connection).await.unwrap()[0]
    });
    // Killed before, during and after the start of the run, until it has started.
    let started_at = Instant::now();
    let mut kills = 0;
    while runs(&data).0 == 0 || kills < 5 {
        assert!(started_at.elapsed() < 3 * TIMEOUT, "it is never started");
        thread::sleep(std::time::Duration::from_millis(kills * 3));
        server.signal("KILL");
        server.wait_for_exit();
        server = ServerProcess::start_in(data.path(), &[]);
        kills += 1;
    }
    let (started, times) = runs(&data);
    assert_eq!(started, times, "no run started twice");
    let first: i64 = database(&data.path().join("milepost.db"), async |connection| {
        sqlx::query_scalar("select min(due) from job where schedule is not null").fetch_one(connection).await.unwrap()
    });
    assert_eq!(first, due, "none was lost");
}

/// Inserts schedules of 100 users, none of which is ever due.
fn insert_schedules(server: &std::path::Path, count: u32) {
    database(&server.join("milepost.db"), async |connection| {
        sqlx::query(
            "with recursive one (number) as (select 1 union all select number + 1 from one where number < ?)
            insert into schedule (name, kind, input, priority, expression, zone, overlap, missed, missed_most, owner,
                created_at, changed_at, changed_by)
            select format('Schedule %05d', number), 'demo', '{}', 0, '0 2 * * *', 'UTC', 'skip', 'once', 1,
                'user ' || number % 100, 0, 0, 'ada' from one",
        )
        .bind(count)
        .execute(connection)
        .await
        .unwrap();
    });
}

#[test]
fn schedule_list_is_paged_and_count_is_limited() {
    let (server, ada) = ServerWithAccounts::with_admin();
    insert_schedules(server.data(), 9_999);
    let first = ada.page("/schedules");
    assert!(first.len() < 200_000, "{} bytes", first.len());
    assert!(first.contains("50 of 9,999 schedules"));
    assert!(
        first.contains("Schedule 00001<") && first.contains("Schedule 00050<") && !first.contains("Schedule 00051<")
    );
    let link = |page: &str, word: &str| {
        let before = page.split(&format!(">{word}<")).next().filter(|before| before.len() < page.len());
        before.and_then(|before| Some(before.rsplit(r#"href=""#).next()?.split('"').next()?.to_owned()))
    };
    assert_eq!((link(&first, "First"), link(&first, "Previous")), (None, None));
    let second = ada.page(&link(&first, "Next").unwrap());
    assert!(second.contains("Schedule 00051<") && second.contains("Schedule 00100<"));
    let back = ada.page(&link(&second, "Previous").unwrap());
    assert!(back.contains("Schedule 00001<") && back.contains("Schedule 00050<"));
    assert_eq!(link(&second, "First").as_deref(), Some("/schedules"));

    create_schedule(&ada, &[]);
    let rejected = ada.post("/schedules/new?kind=demo", &schedule_form(&[]));
    assert_eq!(rejected.status(), StatusCode::CONFLICT);
    assert!(rejected.text().unwrap().contains("here are 10,000 schedules, which is the limit; delete one first"));
}
