//! The page About: what everyone sees of the program, and what only administrators see of the server.

use std::fs;

use reqwest::blocking::get;
use tempfile::TempDir;

use crate::support::{
    accounts::ServerWithAccounts,
    browser::Browser,
    process::{ServerProcess, WorkerProcess, without_markers},
};

/// The value beside a label.
fn detail<'a>(page: &'a str, label: &str) -> &'a str {
    let rest = page.split_once(&format!("<dt>{label}</dt><dd>")).unwrap_or_else(|| panic!("{label}: {page}")).1;
    rest.split_once("</dd>").unwrap().0
}

#[test]
fn only_administrators_see_the_server() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let data = server.data().canonicalize().unwrap();
    let page = ada.page("/about");
    assert_eq!(detail(&page, "Data directory"), format!("<code>{}</code>", data.display()));
    assert!(detail(&page, "Uptime").contains(" s, since <time"), "{page}");
    assert!(detail(&page, "Used").ends_with('B') && detail(&page, "Free on disk").contains('B'), "{page}");
    assert!(page.contains(&format!("PID {}", server.process.pid())) && page.contains("All tasks"), "{page}");
    assert!(ada.page("/settings").contains("href=\"/about\""), "{page}");
    for (name, role) in [("otto", "operator"), ("vera", "viewer")] {
        let page = server.add_user(&ada, name, role).page("/about");
        assert_eq!(detail(&page, "Version"), env!("CARGO_PKG_VERSION"));
        assert!(detail(&page, "SQLite").starts_with("3."), "{page}");
        assert!(page.contains("MIT License") && page.contains("THE SOFTWARE IS PROVIDED"), "{page}");
        for hidden in [data.to_str().unwrap(), "Data directory", "Uptime", "PID", "Workers"] {
            assert!(!page.contains(hidden), "{role} sees {hidden}");
        }
    }
    assert_eq!(server.new_client().get("/about").status(), 303, "strangers learn no version");
}

#[test]
fn processes_are_listed_with_their_slots() {
    let browser = Browser::with_arguments(&["--concurrency", "0"]);
    let _worker = WorkerProcess::start_in(browser.data(), &["--concurrency", "3"]);
    assert!(browser.page("/").contains("<a href=\"/about\">"), "without accounts there are no settings");
    let page = browser.page("/about");
    let workers = page.split_once("id=\"workers\"").unwrap().1.split_once("</section>").unwrap().0;
    let rows: Vec<&str> = workers.split("<tr>").skip(2).collect();
    let has = |row: &str, texts: [&str; 3]| texts.iter().all(|text| row.contains(text));
    assert_eq!(rows.len(), 2, "{workers}");
    assert!(has(rows[0], ["Server", ">0</td>", "No jobs"]), "{workers}");
    assert!(has(rows[1], ["Worker", ">3</td>", "All tasks"]), "{workers}");
    assert!(workers.contains("3 slots"), "{workers}");
}

#[test]
fn path_of_the_data_directory_is_escaped() {
    let home = TempDir::new().unwrap();
    let data = home.path().join("<script>alert(1)<");
    fs::create_dir(&data).unwrap();
    let server = ServerProcess::start_in(&data, &[]);
    let page = without_markers(&get(server.url("/about")).unwrap().text().unwrap());
    assert!(detail(&page, "Data directory").contains("/&lt;script&gt;alert(1)&lt;"), "{page}");
}

/// `.ci/dist` builds them in, and checks that they are there; tests run on builds without them, too.
#[test]
fn licences_of_dependencies_are_linked_where_they_are_built_in() {
    let browser = Browser::new();
    let link = browser.page("/about").contains("href=\"/about/licences.txt\"");
    let response = browser.get("/about/licences.txt");
    assert_eq!(response.status(), if link { 200 } else { 404 });
    assert!(response.headers()["content-type"].as_bytes().starts_with(b"text/plain"));
    let text = response.text().unwrap();
    assert_eq!(text.contains("Apache License") && text.contains("MIT License"), link, "{text}");
}
