//! The overview, the job list with its keyset pagination, and the layout, as a browser without scripts gets them.

use serde_json::json;

use crate::support::browser::Browser;

/// The IDs of the jobs in the rows of the list, from top to bottom.
fn rows(page: &str) -> Vec<i64> {
    let body = page.split_once("<tbody>").map_or("", |(_, rest)| rest.split_once("</tbody>").unwrap().0);
    let number = |part: &str| part.split('"').next().unwrap().parse().unwrap();
    body.split("href=\"/jobs/").skip(1).map(number).collect()
}

#[test]
fn empty_overview_links_to_the_first_job() {
    let browser = Browser::new();
    let page = browser.page("/");
    assert!(page.contains("Nothing has run yet"));
    assert!(page.contains("Start the demo") && page.contains("See all tasks"));
    assert!(!page.contains("Needs attention"));
    assert!(browser.page("/jobs").contains("No jobs yet"));
    // The demo is one click away, with its defaults.
    let form = page.split("action=\"/new/demo\"").nth(1).unwrap().split("</form>").next().unwrap();
    let fields: Vec<_> = form.split("<input").skip(1).collect();
    let part = |field: &&str, name: &str| {
        field.split(&format!("{name}=\"")).nth(1).unwrap().split('"').next().unwrap().to_owned()
    };
    let fields: Vec<_> = fields.iter().map(|field| (part(field, " name"), part(field, " value"))).collect();
    let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let started = browser.submit("/", "/new/demo", &fields);
    assert_eq!(started.url().path(), "/jobs/1", "{fields:?}");
    browser.cancel(1);
}

#[test]
fn only_failed_job_needs_attention() {
    let browser = Browser::new();
    browser.run(&json!({ "seconds": 0 }));
    assert!(!browser.page("/").contains("Needs attention"));
    let failed = browser.run(&json!({ "seconds": 0, "ending": "fail" }));
    let page = browser.page("/");
    let attention = page.split_once("Needs attention").unwrap().1.split_once("</section>").unwrap().0;
    assert!(attention.contains(&format!("href=\"/jobs/{failed}\"")), "{attention}");
    assert!(browser.page("/new").contains("need attention"), "in the sidebar of every page");
}

#[test]
fn overview_shows_running_jobs_and_run_history() {
    let browser = Browser::new();
    browser.run(&json!({ "seconds": 0 }));
    browser.run(&json!({ "seconds": 0, "ending": "panic" }));
    let running = browser.start_long_job();
    let page = browser.page("/");
    assert_eq!(rows(&page).first(), Some(&running), "the first table is what runs now");
    assert!(page.contains("Last runs: 2, 1 failed"));
    assert!(page.contains("2 jobs finished, 1 of them failed"));
    assert!(page.contains("http-equiv=\"refresh\""), "running jobs refresh the page without scripts");
}

#[test]
fn list_tab_shows_only_its_state() {
    let browser = Browser::new();
    let good = browser.run(&json!({ "seconds": 0 }));
    let failed = browser.run(&json!({ "seconds": 0, "ending": "fail" }));
    let running = browser.start_long_job();
    assert_eq!(rows(&browser.page("/jobs")), [running, failed, good]);
    assert_eq!(rows(&browser.page("/jobs?state=succeeded")), [good]);
    assert_eq!(rows(&browser.page("/jobs?state=failed")), [failed]);
    assert!(browser.page("/jobs?state=interrupted").contains("No jobs"));
    assert_eq!(rows(&browser.page("/jobs?state=running")), [running]);
}

#[test]
fn list_filters_hide_other_jobs_and_say_so() {
    let browser = Browser::new();
    let demo = browser.run(&json!({ "seconds": 0 }));
    let links = browser.start("check-links", &json!({ "urls": "http://127.0.0.1:9/" }));
    browser.wait(&[links]);
    assert_eq!(rows(&browser.page("/jobs?kind=demo")), [demo]);
    assert_eq!(rows(&browser.page("/jobs?q=LINKS")), [links]);
    assert_eq!(rows(&browser.page(&format!("/jobs?q={demo}+DEMO&since=1h"))), [demo]);
    let nothing = browser.page("/jobs?q=nowhere-to-be-found");
    assert!(nothing.contains("No matching jobs") && nothing.contains("Clear filters"));
    assert!(nothing.contains("value=\"nowhere-to-be-found\""), "the form keeps what was asked for");
}

#[test]
fn keyset_pages_have_no_gap_and_no_duplicate() {
    let browser = Browser::new();
    let jobs: Vec<_> = (0..120).map(|_| browser.start("demo", &json!({ "seconds": 0 }))).collect();
    browser.wait(&jobs);
    let (first, last) = (jobs[0], jobs[119]);
    let newest = rows(&browser.page("/jobs"));
    let middle = rows(&browser.page(&format!("/jobs?before={}", newest[49])));
    let end = rows(&browser.page(&format!("/jobs?before={}", middle[49])));
    let all: Vec<_> = [newest.as_slice(), &middle, &end].concat();
    assert_eq!(all, (first..=last).rev().collect::<Vec<_>>());
    assert_eq!(rows(&browser.page("/jobs?from=oldest")).last(), Some(&first));
    assert_eq!(rows(&browser.page(&format!("/jobs?after={}", middle[0]))), newest);
    let near_the_top = rows(&browser.page(&format!("/jobs?after={}", newest[10])));
    assert_eq!(near_the_top, newest, "a page that reaches the newest job is filled up");
}

#[test]
fn invalid_list_query_is_named_and_ignored() {
    let browser = Browser::new();
    let job = browser.run(&json!({ "seconds": 0 }));
    for (query, notice) in [
        ("state=lost", "Unknown state “lost”"),
        ("since=5y", "Unknown period “5y”"),
        ("before=abc", "“abc” is not a job number"),
        ("after=-1", "“-1” is not a job number"),
        ("before=99999999999999999999", "is not a job number"),
        ("from=middle", "Unknown order “middle”"),
    ] {
        let page = browser.page(&format!("/jobs?{query}"));
        assert!(page.contains(notice), "{query}");
        assert_eq!(rows(&page), [job], "{query}");
    }
    let long = "x".repeat(300);
    assert!(browser.page(&format!("/jobs?q={long}")).contains("Only the first 200 characters"));
    let many = browser.page("/jobs?q=d+e+m+o+D+a+s+t+r+i");
    assert!(many.contains("Only the first 8 different words") && many.contains("value=\"d e m o a s t r\""), "{many}");
}

#[test]
fn markup_in_list_query_is_escaped() {
    let browser = Browser::new();
    for query in ["q", "state", "since", "before", "kind"] {
        let page = browser.page(&format!("/jobs?{query}=%22%3E%3Cscript%3Ealert(1)%3C/script%3E"));
        assert!(!page.contains("<script>alert"), "{query}");
    }
}

#[test]
fn unknown_address_is_404_page() {
    let browser = Browser::new();
    let response = browser.get("/no/such/page");
    assert_eq!(response.status(), 404);
    let page = response.text().unwrap();
    assert!(page.contains("Page not found") && page.contains("class=\"nav\""));
}

#[test]
fn theme_is_in_the_first_html() {
    let browser = Browser::new();
    assert!(!browser.page("/").contains("data-theme"), "the system decides at first");
    for (theme, attribute) in [("dark", true), ("light", true), ("system", false)] {
        let post = browser.client.post(browser.server.url("/api/set_theme"));
        let back = browser.server.url("/jobs");
        let response =
            post.header("accept", "text/html").header("referer", back).form(&[("theme", theme)]).send().unwrap();
        assert_eq!(response.url().path(), "/jobs", "it redirects to the page");
        assert_eq!(response.text().unwrap().contains(&format!("data-theme=\"{theme}\"")), attribute, "{theme}");
    }
}

#[test]
fn page_contains_stream_cursor_and_build() {
    let browser = Browser::new();
    let page = browser.page("/");
    let cursor = page.split_once("data-cursor=\"").unwrap().1.split('"').next().unwrap();
    assert!(cursor.parse::<model::Cursor>().is_ok(), "{cursor}");
    assert!(page.contains("data-build=\""));
}
