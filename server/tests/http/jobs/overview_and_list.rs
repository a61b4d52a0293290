//! The overview, the job list with its keyset pagination, and the layout, as a browser without scripts gets them.

use serde_json::json;

use crate::support::browser::Browser;

/// The IDs of the jobs in the rows of the list, from top to bottom.
fn rows(page: &str) -> Vec<i64> {
    let body = page.split_once("<tbody>").map_or("", |(_, rest)| rest.split_once("</tbody>").unwrap().0);
    // The link that deletes a job has a query.
    let number = |part: &str| part.split('"').next().unwrap().parse().ok();
    body.split("href=\"/jobs/").skip(1).filter_map(number).collect()
}

#[test]
fn empty_overview_links_to_the_first_job() {
    let browser = Browser::new();
    let page = browser.page("/");
    assert!(page.contains("Nothing has run yet"));
    assert!(page.contains("Start the demo") && page.contains("See all tasks"));
    assert!(!page.contains("Needs attention"));
    assert!(browser.page("/jobs").contains("No jobs yet"));
    // The demo is one click away.
    assert!(page.contains("action=\"/api/start_demo\""));
    assert_eq!(browser.submit("/", "/api/start_demo", &[]).url().path(), "/jobs/1");
    browser.cancel(1);
}

#[test]
fn only_failed_job_needs_attention() {
    let browser = Browser::new();
    browser.run(&json!({ "seconds": 0 }));
    let page = browser.page("/");
    assert!(!page.contains("Needs attention"));
    assert!(!page.contains("InPlaceForms"), "a first visit fetches no script for forms that are not there");
    let failed = browser.run(&json!({ "seconds": 0, "ending": "fail" }));
    let page = browser.page("/");
    let attention = page.split_once("Needs attention").unwrap().1.split_once("</section>").unwrap().0;
    assert!(attention.contains(&format!("href=\"/jobs/{failed}\"")), "{attention}");
    assert!(page.contains("InPlaceForms"));
    assert!(browser.page("/new").contains("need attention"), "in the sidebar of every page");
}

/// The card *Needs attention* of a page; empty if there is none.
fn attention(page: &str) -> &str {
    page.split_once("id=\"attention\"").map_or("", |(_, rest)| rest.split_once("</section>").unwrap().0)
}

fn rows_of_attention(page: &str) -> usize {
    attention(page).matches("<li").count()
}

#[test]
fn same_error_of_a_kind_is_one_row_and_at_most_five_are_shown() {
    let browser = Browser::new();
    let fail = || browser.run(&json!({ "seconds": 0, "ending": "fail" }));
    let failed = [fail(), fail(), fail()];
    let page = browser.page("/");
    assert_eq!(rows_of_attention(&page), 1, "{page}");
    let shown = attention(&page);
    assert!(shown.contains(&format!("href=\"/jobs/{}\"", failed[2])), "the newest: {shown}");
    assert!(shown.contains("2 more with this error") && shown.contains("/jobs?state=failed&amp;kind=demo"), "{shown}");
    for queue in ["default", "disk", "network", "upkeep"] {
        browser.post("/api/pause_queue", &[("queue", queue)]).error_for_status().unwrap();
    }
    for kind in ["demo", "checksum"] {
        browser.post("/api/pause_kind", &[("kind", kind)]).error_for_status().unwrap();
    }
    let page = browser.page("/");
    assert_eq!(rows_of_attention(&page), 5);
    assert!(attention(&page).contains("2 more."), "{}", attention(&page));
}

#[test]
fn dismissed_job_leaves_overview_and_badge_until_it_fails_again() {
    let browser = Browser::new();
    let fail = || browser.run(&json!({ "seconds": 0, "ending": "fail" })).to_string();
    let panicked = browser.run(&json!({ "seconds": 0, "ending": "panic" })).to_string();
    let failed = [fail(), fail()];
    let until = |page: &str| {
        let field = attention(page).split_once("name=\"until\" value=\"").unwrap().1;
        field.split('"').next().unwrap().to_owned()
    };
    let page = browser.page("/");
    assert_eq!(rows_of_attention(&page), 2);
    let shown_until = until(&page);
    let later = fail();
    let form = [("id", failed[1].as_str()), ("until", &shown_until)];
    let page = browser.submit("/", "/api/dismiss_job", &form).text().unwrap();
    assert_eq!(rows_of_attention(&page), 2, "one that failed after the page was drawn stays: {page}");
    assert!(attention(&page).contains(&format!("/jobs/{later}\"")) && !attention(&page).contains("more with this"));
    assert!(browser.page(&format!("/jobs/{}", failed[0])).contains("<b>local</b> dismissed"), "with its user");
    let page = browser.submit("/", "/api/dismiss_job", &[("id", &later)]).text().unwrap();
    assert!(attention(&page).contains(&format!("/jobs/{panicked}\"")));
    let page = browser.submit("/", "/api/dismiss_jobs", &[("until", "9999999999999999")]).text().unwrap();
    assert!(attention(&page).is_empty() && page.contains("&quot;attention&quot;:[]"), "nor in the sidebar: {page}");
    browser.post("/api/retry_job", &[("id", &later)]).error_for_status().unwrap();
    browser.wait(&[later.parse().unwrap()]);
    assert_eq!(rows_of_attention(&browser.page("/")), 1, "it failed again");
    let fine = browser.run(&json!({ "seconds": 0 })).to_string();
    let refused = browser.post("/api/dismiss_job", &[("id", &fine)]);
    assert_eq!(refused.status(), 409);
    assert_eq!(refused.json::<serde_json::Value>().unwrap()["code"], "needs_no_attention");
}

#[test]
fn tab_counts_follow_the_other_filters() {
    let browser = Browser::new();
    browser.run(&json!({ "seconds": 0 }));
    browser.run(&json!({ "seconds": 0, "ending": "fail" }));
    let links = browser.start("check-links", &json!({ "urls": "http://127.0.0.1:9/" }));
    browser.wait(&[links]);
    let counts = |query: &str| -> Vec<String> {
        let page = browser.page(&format!("/jobs?{query}"));
        let tabs = page.split_once("class=\"tabs\"").unwrap().1.split_once("</nav>").unwrap().0;
        let badge = |part: &str| {
            let text = part.split_once('>').unwrap().1.split_once("</a>").unwrap().0;
            text.split('<').filter_map(|part| part.rsplit('>').next()).collect::<String>().trim().to_owned()
        };
        tabs.split("class=\"count-badge\"").skip(1).map(badge).collect()
    };
    // All, running, queued, succeeded, failed, cancelled, interrupted.
    assert_eq!(counts(""), ["3", "0", "0", "2", "1", "0", "0"]);
    assert_eq!(counts("kind=demo&state=failed"), ["2", "0", "0", "1", "1", "0", "0"]);
    assert_eq!(counts("since=1h&q=links"), ["1", "0", "0", "1", "0", "0", "0"]);
    assert_eq!(counts("kind=archive"), ["0"; 7]);
}

#[test]
fn rows_offer_the_actions_of_their_state() {
    let browser = Browser::new();
    let good = browser.run(&json!({ "seconds": 0 }));
    let failed = browser.run(&json!({ "seconds": 0, "ending": "fail" }));
    let running = browser.start_long_job();
    let page = browser.page("/jobs");
    // The labels of the buttons and links that are not hidden.
    let offered = |job: i64| {
        let row = page.split("<tr").find(|row| row.contains(&format!("href=\"/jobs/{job}\""))).unwrap();
        let actions = row.split_once("class=\"do\"").unwrap().1.split("</form>").next().unwrap();
        let shown = |part: &&str| !part.split('>').next().unwrap().contains("hidden");
        let label = |part: &str| part.split_once("aria-label=\"").unwrap().1.split('"').next().unwrap().to_owned();
        actions.split("<button").flat_map(|part| part.split("<a ")).skip(1).filter(shown).map(label).collect::<Vec<_>>()
    };
    assert_eq!(offered(good), [format!("Run again #{good}"), format!("Delete #{good}")]);
    assert_eq!(
        offered(failed),
        [format!("Retry #{failed}"), format!("Run again #{failed}"), format!("Delete #{failed}")]
    );
    assert_eq!(offered(running), [format!("Cancel #{running}")]);
    let list = "/jobs?state=succeeded";
    let form = [("id", good.to_string()), ("stay", "true".to_owned())];
    let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let back = browser.submit(list, "/api/rerun_job", &form);
    assert_eq!((back.url().path(), back.url().query()), ("/jobs", Some("state=succeeded")), "it stays on the list");
}

#[test]
fn delete_from_a_list_asks_and_returns_to_it() {
    let browser = Browser::new();
    let job = browser.run(&json!({ "seconds": 0 }));
    let list = "/jobs?state=succeeded&q=d";
    let asked = browser.client.get(browser.server.url(&format!("/jobs/{job}?confirm=delete")));
    let page = asked.header("referer", browser.server.url(list)).send().unwrap().text().unwrap();
    let dialog = page.split_once("<dialog").unwrap().1.split_once("</dialog>").unwrap().0;
    assert!(dialog.contains("name=\"back\" value=\"/jobs?state=succeeded&amp;q=d\""), "{dialog}");
    assert_eq!(dialog.matches("/jobs?state=succeeded&amp;q=d").count(), 2, "Cancel leads there, too: {dialog}");
    let form = [("id", job.to_string()), ("back", list.to_owned())];
    let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let after = browser.submit(&format!("/jobs/{job}?confirm=delete"), "/api/delete_job", &form);
    assert_eq!((after.url().path(), after.url().query()), ("/jobs", Some("state=succeeded&q=d")));
    assert!(after.text().unwrap().contains(&format!("Job #{job} was deleted.")));
    for elsewhere in ["//evil.example/jobs", "https://evil.example", "/api/sign_out", "/jobs\r\nset-cookie: a=b"] {
        let job = browser.run(&json!({ "seconds": 0 })).to_string();
        let after = browser.submit("/jobs", "/api/delete_job", &[("id", &job), ("back", elsewhere)]);
        assert_eq!((after.url().path(), after.url().query()), ("/jobs", None), "{elsewhere}");
    }
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
