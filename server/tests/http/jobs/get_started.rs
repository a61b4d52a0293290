//! Get started: the card that shows administrators of a new installation what to do first.

use std::{fs, thread};

use serde_json::json;
use tempfile::TempDir;

use crate::support::{
    accounts::{ADA, ServerWithAccounts, UserClient, redirect_target},
    browser::Browser,
    database::query_value,
};

/// The card of an overview; empty if there is none.
fn card(page: &str) -> &str {
    page.split_once("id=\"get-started\"").map_or("", |(_, rest)| rest.split_once("</section>").unwrap().0)
}

/// The line of a step, from its state on.
fn line<'a>(page: &'a str, key: &str) -> &'a str {
    let lines = card(page).split("<li ").skip(1);
    lines
        .into_iter()
        .find(|line| line.contains(&format!("data-key=\"{key}\"")))
        .unwrap_or_else(|| panic!("{key}: {page}"))
}

fn is_done(page: &str, key: &str) -> bool {
    line(page, key).contains("Done: ")
}

fn schedules(server: &ServerWithAccounts) -> i64 {
    query_value(server.data(), "select count(*) from schedule where kind = 'backup'")
}

#[test]
fn administrator_is_shown_what_to_do_first() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let page = ada.page("/");
    assert_eq!(card(&page).matches("<li ").count(), 3, "{page}");
    for key in ["demo", "folder", "backup"] {
        assert!(!is_done(&page, key), "{key}: {page}");
    }
    let files = server.data().join("files").canonicalize().unwrap();
    assert!(line(&page, "folder").contains(files.to_str().unwrap()), "{page}");
    assert!(line(&page, "folder").contains(">--root DIR</code>"), "{page}");
    assert_eq!(page.matches("action=\"/api/start_demo\"").count(), 1, "the empty overview does not offer it again");

    ada.run();
    let page = ada.page("/");
    assert!(is_done(&page, "demo") && !is_done(&page, "backup"), "{page}");

    let [otto, vera] = [("otto", "operator"), ("vera", "viewer")].map(|(name, role)| server.add_user(&ada, name, role));
    for user in [otto, vera] {
        assert_eq!(card(&user.page("/")), "", "only administrators see it");
    }
    assert!(line(&ada.page("/"), "backup").contains("3 users can sign in."));
    assert!(!line(&ada.page("/"), "backup").contains("/settings/users"));
}

#[test]
fn second_click_starts_no_second_demo() {
    let (server, ada) = ServerWithAccounts::with_admin();
    for _ in 0..3 {
        assert_eq!(redirect_target(&ada.submit("start_demo", &[])), "/jobs/1");
    }
    let otto = server.add_user(&ada, "otto", "operator");
    assert_eq!(redirect_target(&otto.submit("start_demo", &[])), "/jobs/2", "each user has their own");
    assert!(ada.page("/jobs/1").contains("Demo of 10 s"), "the defaults of the form");
    for job in ["1", "2"] {
        ada.call("cancel_job", &[("id", job)]).error_for_status().unwrap();
        ada.wait(job.parse().unwrap());
    }
    assert_eq!(redirect_target(&ada.submit("start_demo", &[])), "/jobs/3", "it can be started again");
    ada.call("cancel_job", &[("id", "3")]).error_for_status().unwrap();
}

#[test]
fn backup_is_scheduled_once_however_often_the_button_is_pressed() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let clicks: Vec<UserClient> = (0..6).map(|_| ada.with_same_cookies()).collect();
    thread::scope(|scope| {
        for click in clicks {
            scope.spawn(move || click.call("schedule_backup", &[]).error_for_status().unwrap());
        }
    });
    let again = ada.submit("schedule_backup", &[]);
    assert_eq!(redirect_target(&again), "/");
    assert_eq!(schedules(&server), 1);
    let page = ada.page("/");
    assert!(
        line(&page, "backup").contains("<a href=\"/schedules/1\">Nightly backup</a> copies the database."),
        "{page}"
    );
    assert!(!page.contains("action=\"/api/schedule_backup\""), "{page}");
    let schedule = ada.page("/schedules/1");
    assert!(schedule.contains("Every day at 02:00") && schedule.contains(ADA), "{schedule}");

    ada.call("delete_schedule", &[("id", "1")]).error_for_status().unwrap();
    assert!(ada.page("/").contains("action=\"/api/schedule_backup\""), "it can be scheduled again");
}

#[test]
fn name_of_a_backup_schedule_is_escaped() {
    let (_server, ada) = ServerWithAccounts::with_admin();
    let form = [
        ("$name", "<script>alert(1)</script>"),
        ("$expression", "0 0 1 1 *"),
        ("$zone", "UTC"),
        ("$overlap", "skip"),
        ("$missed", "skip"),
        ("keep", "3"),
    ];
    assert_eq!(redirect_target(&ada.post("/schedules/new?kind=backup", &form)), "/schedules/1");
    let page = ada.page("/");
    assert!(line(&page, "backup").contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{page}");
}

#[test]
fn hidden_card_stays_hidden_for_all_administrators_and_after_a_restart() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let otto = server.add_user(&ada, "otto", "operator");
    let refused = otto.call("hide_get_started", &[]);
    assert_eq!(refused.status(), 403);
    assert_ne!(card(&ada.page("/")), "");
    for _ in 0..2 {
        assert_eq!(redirect_target(&ada.submit("hide_get_started", &[])), "/");
    }
    let grace = server.add_user(&ada, "grace", "administrator");
    for user in [&ada, &grace] {
        let page = user.page("/");
        assert_eq!(card(&page), "");
        assert_eq!(page.matches("action=\"/api/start_demo\"").count(), 1, "the empty overview offers the demo again");
    }
    let entries: i64 =
        query_value(server.data(), "select count(*) from audit where what = 'first_steps_hidden' and who = 'ada'");
    assert_eq!(entries, 1, "a second click changes nothing");
    assert!(ada.page("/settings/audit").contains("hid Get started"));
}

#[test]
fn card_without_accounts_leaves_out_users_and_survives_a_restart_hidden() {
    let browser = Browser::new();
    let page = browser.page("/");
    assert!(
        line(&page, "backup").contains("Back up every night") && !card(&page).contains("/settings/users"),
        "{page}"
    );
    let back = browser.submit("/", "/api/hide_get_started", &[]);
    assert_eq!(back.url().path(), "/");
    assert_eq!(card(&browser.page("/")), "");
    let browser = browser.restart_server(&[]);
    assert_eq!(card(&browser.page("/")), "");
}

#[test]
fn card_goes_away_when_everything_is_done() {
    let root = TempDir::new().unwrap();
    let browser = Browser::with_arguments(&["--root", root.path().to_str().unwrap()]);
    let page = browser.page("/");
    assert!(is_done(&page, "folder") && !line(&page, "folder").contains("--root"), "{page}");
    browser.submit("/", "/api/schedule_backup", &[]);
    assert!(is_done(&browser.page("/"), "backup"));
    browser.run(&json!({ "seconds": 0 }));
    assert_eq!(card(&browser.page("/")), "");
}

#[test]
fn samples_are_no_connected_folder_and_many_roots_are_counted() {
    let home = TempDir::new().unwrap();
    let folder = |name: &str| {
        let path = home.path().join(name);
        fs::create_dir_all(&path).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let samples = folder("end2end/samples");
    let page = Browser::with_arguments(&["--root", &samples]).page("/");
    assert!(!is_done(&page, "folder"), "{page}");
    let others = ["a", "<b>", "c"].map(folder);
    let arguments: Vec<&str> = others.iter().chain([&samples]).flat_map(|path| ["--root", path]).collect();
    let page = Browser::with_arguments(&arguments).page("/");
    assert!(is_done(&page, "folder"), "{page}");
    let line = line(&page, "folder");
    assert!(line.contains("/&lt;b&gt;</code>") && line.contains(" and 2 more"), "{line}");
}
