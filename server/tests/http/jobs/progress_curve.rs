//! The progress curve of a job, and its comparison with another run of the task.

use serde_json::json;

use crate::support::{accounts::ServerWithAccounts, browser::Browser};

/// The section of a page with the curve.
fn curve_section(page: &str) -> &str {
    page.split_once("aria-labelledby=\"curve\"").map_or("", |(_, rest)| rest.split_once("</section>").unwrap().0)
}

#[test]
fn ended_job_shows_its_curve_and_compares_another_run() {
    let browser = Browser::new();
    let (first, second) = (browser.run(&json!({ "seconds": 3 })), browser.run(&json!({ "seconds": 4 })));
    let short = browser.run(&json!({ "seconds": 0 }));
    let other = browser.start("check-links", &json!({ "urls": "http://127.0.0.1:9/", "timeout": 1 }));
    browser.wait(&[other]);

    let page = browser.page(&format!("/jobs/{second}"));
    let alone = curve_section(&page);
    assert!(alone.contains("class=\"course\"") && alone.contains("class=\"post\""), "{alone}");
    assert!(alone.contains("Completed after") && alone.contains("half after"), "{alone}");
    assert!(alone.contains(&format!("<option value=\"{first}\"")) && !alone.contains("class=\"beside\""), "{alone}");
    assert!(!page.contains("Time of #"));

    let page = browser.page(&format!("/jobs/{second}?with={first}"));
    let both = curve_section(&page);
    assert!(both.contains("class=\"course\"") && both.contains("class=\"beside\""), "{both}");
    assert!(both.contains(&format!("#{first} reached half after")), "{both}");
    assert!(both.contains(&format!("href=\"/jobs/{first}\"")), "{both}");
    assert_eq!(page.matches(&format!("Time of #{first}")).count(), 4, "a column, and a cell in each stage");

    for (with, why) in [
        (other, format!("Job #{other} belongs to another task and cannot be compared.")),
        (999, "There is no job #999.".to_owned()),
    ] {
        let page = browser.page(&format!("/jobs/{second}?with={with}"));
        assert!(curve_section(&page).contains(&why) && !curve_section(&page).contains("class=\"beside\""), "{page}");
    }
    assert_eq!(curve_section(&browser.page(&format!("/jobs/{second}?with=me"))), alone);
    assert_eq!(curve_section(&browser.page(&format!("/jobs/{short}"))), "", "too short for a curve");
}

#[test]
fn run_that_user_cannot_see_is_not_compared() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let [otto, olga] = ["otto", "olga"].map(|name| server.add_user(&ada, name, "operator"));
    let [own, other] = [&otto, &olga].map(|user| {
        let form = [("kind", "demo"), ("input", r#"{"seconds":3}"#)];
        let job: i64 = user.call("start_job", &form).error_for_status().unwrap().json().unwrap();
        user.wait(job);
        job
    });
    let address = format!("/jobs/{own}?with={other}");
    assert!(curve_section(&otto.page(&address)).contains("class=\"beside\""));
    let rule = [("kind", "demo"), ("start", ""), ("seen_by", "starter")];
    ada.call("change_kind_rule", &rule).error_for_status().unwrap();
    let page = otto.page(&address);
    let hidden = curve_section(&page);
    assert!(hidden.contains(&format!("There is no job #{other}.")), "{hidden}");
    assert!(!hidden.contains("class=\"beside\"") && !hidden.contains(&format!("value=\"{other}\"")), "{hidden}");
}
