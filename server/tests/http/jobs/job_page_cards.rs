//! The cards of the job page: their order, and what each shows.

use serde_json::json;

use crate::support::browser::Browser;

/// The places of texts in a page, in the order of the texts.
fn places(page: &str, texts: &[&str]) -> Vec<usize> {
    texts.iter().map(|text| page.find(text).unwrap_or_else(|| panic!("no {text} in {page}"))).collect()
}

/// The section whose heading has this id.
fn section<'a>(page: &'a str, id: &str) -> &'a str {
    let from = page.find(&format!("aria-labelledby=\"{id}\"")).unwrap_or_else(|| panic!("no {id} in {page}"));
    page[from..].split("</section>").next().unwrap()
}

#[test]
fn cards_are_in_the_order_people_need() {
    let browser = Browser::new();
    let job = browser.run(&json!({ "seconds": 0, "ending": "warn" }));
    let page = browser.page(&format!("/jobs/{job}"));
    let order = [
        "aria-label=\"Progress\"",
        "data-log=",
        "id=\"warnings\"",
        "id=\"result\"",
        "id=\"files\"",
        "id=\"stages\"",
        "id=\"attempts\"",
        "id=\"notes\"",
        "id=\"facts\"",
        "id=\"input\"",
        "id=\"activity\"",
    ];
    let found = places(&page, &order);
    assert!(found.is_sorted(), "{found:?}");
}

#[test]
fn input_shows_labels_of_the_form() {
    let browser = Browser::new();
    let job = browser.run(&json!({ "seconds": 0, "ending": "fail" }));
    let page = browser.page(&format!("/jobs/{job}"));
    let input = section(&page, "input");
    assert!(input.contains("<dt>Outcome</dt><dd>Fail</dd>"), "{input}");
    let open = "<details class=\"disclosure\"><summary>";
    assert!(input.contains(open) && input.contains("id=\"input-json\""), "JSON behind a toggle: {input}");
}

#[test]
fn multi_line_input_is_escaped_and_cut() {
    let browser = Browser::with_arguments(&["--concurrency", "0"]);
    let urls = format!("http://127.0.0.1/<b>x</b>\n{}", "http://127.0.0.1/a\n".repeat(200));
    let job = browser.start("check-links", &json!({ "urls": urls }));
    let page = browser.page(&format!("/jobs/{job}"));
    let values = section(&page, "input").split("</dl>").next().unwrap().to_owned();
    assert!(values.contains("&lt;b&gt;x") && !values.contains("<b>") && values.contains('…'), "{values}");
    assert!(values.len() < 3_000, "{} bytes", values.len());
}

#[test]
fn notes_are_a_button_that_keeps_a_refused_note() {
    let browser = Browser::new();
    let job = browser.run(&json!({ "seconds": 0 }));
    let (address, id) = (format!("/jobs/{job}"), job.to_string());
    let notes = |page: &str| section(page, "notes-head").to_owned();
    let empty = notes(&browser.page(&address));
    assert!(empty.contains("<summary class=\"button small\">") && !empty.contains(" open"), "{empty}");
    let long = "x".repeat(20_000);
    let refused = browser.submit(&address, "/api/add_note", &[("id", &id), ("key", "1"), ("text", &long)]);
    let form = notes(&crate::support::process::without_markers(&refused.text().unwrap()));
    assert!(form.contains(&long) && form.contains("<details data-forms=\"\" open"), "open with what was typed: {form}");
}

#[test]
fn first_error_is_a_link_that_works_without_script() {
    let browser = Browser::new();
    let job = browser.run(&json!({ "seconds": 0, "ending": "fail" }));
    let page = browser.page(&format!("/jobs/{job}"));
    let part = page.split("data-part=\"first-error\"").nth(1).and_then(|rest| rest.split("</span>").next()).unwrap();
    let line = part.split("line=").nth(1).and_then(|rest| rest.split('#').next()).unwrap();
    let there = browser.page(&format!("/jobs/{job}?line={line}"));
    assert!(there.contains(&format!("<div data-level=\"error\" id=\"L{line}\"")), "{there}");
    let fine = browser.run(&json!({ "seconds": 0, "ending": "warn" }));
    assert!(!browser.page(&format!("/jobs/{fine}")).contains("First error"));
}

#[test]
fn stages_show_work_done_and_usual_time() {
    let browser = Browser::new();
    browser.run(&json!({ "seconds": 2 }));
    let job = browser.run(&json!({ "seconds": 2 }));
    let page = browser.page(&format!("/jobs/{job}"));
    let stages = section(&page, "stages");
    assert!(stages.contains("Work done") && stages.contains("Usually"), "{stages}");
    assert!(stages.contains(" steps</td>"), "{stages}");
    let usual = stages.split("data-label=\"Usually\"").nth(2).unwrap();
    assert!(usual.split("</td>").next().unwrap().ends_with(" s"), "{usual}");
}

#[test]
fn earlier_runs_are_bars_and_a_table() {
    let browser = Browser::new();
    let ended: Vec<_> = (0..5).map(|_| browser.run(&json!({ "seconds": 0 }))).collect();
    let job = browser.run(&json!({ "seconds": 0 }));
    let page = browser.page(&format!("/jobs/{job}"));
    let runs = section(&page, "runs");
    assert_eq!(runs.matches("class=\"good\"").count(), 5, "{runs}");
    assert_eq!(runs.matches("class=\"own\"").count() - usize::from(runs.contains("<li class=\"own\"")), 1, "{runs}");
    assert!(runs.contains("class=\"band\"") && runs.contains("5 earlier runs, 0 failed"), "{runs}");
    for run in ended {
        assert!(runs.contains(&format!(">#{run}</a>")), "{runs}");
    }
}

#[test]
fn failure_before_any_work_has_no_percentage() {
    let browser = Browser::new();
    let file = browser.upload("");
    let job = browser.start("import-csv", &json!({ "file": file, "table": "t" }));
    browser.wait(&[job]);
    let page = browser.page(&format!("/jobs/{job}"));
    assert!(page.contains("Failed") && !page.contains("at 99"), "{page}");
    assert!(!page.contains("at 0\u{a0}%"), "{page}");
}

#[test]
fn ended_job_does_not_repeat_its_last_message() {
    let browser = Browser::new();
    let job = browser.run(&json!({ "seconds": 0 }));
    let page = browser.page(&format!("/jobs/{job}"));
    assert!(page.contains("Finishing"), "in the properties and the attempt");
    assert!(!page.contains(">Finishing</p>"), "{page}");
}

#[test]
fn slot_of_cancel_has_delete_and_never_retry() {
    let browser = Browser::new();
    let job = browser.start_long_job();
    let address = format!("/jobs/{job}");
    let slot =
        |page: &str| page.split("class=\"last-action\"").nth(1).unwrap().split("</div>").next().unwrap().to_owned();
    assert!(slot(&browser.page(&address)).contains("/api/cancel_job"));
    browser.cancel(job);
    browser.wait(&[job]);
    let page = browser.page(&address);
    let last = slot(&page);
    assert!(last.contains("confirm=delete") && !last.contains("/api/"), "{last}");
    let order = places(&page, &["/api/retry_job", "/api/rerun_job", "Edit and run", "class=\"last-action\""]);
    assert!(order.is_sorted(), "{order:?}");
}

/// Runs an import whose second row is invalid, so that it makes `rejected.csv`.
fn import_with_a_rejected_row(browser: &Browser) -> i64 {
    let file = browser.upload("a,b\n1,2\n<b>x</b>\n3,4\n");
    let job = browser.start("import-csv", &json!({ "file": file, "table": "t" }));
    browser.wait(&[job]);
    job
}

#[test]
fn csv_preview_is_an_escaped_table() {
    let browser = Browser::new();
    let job = import_with_a_rejected_row(&browser);
    let page = browser.page(&format!("/jobs/{job}"));
    assert!(page.contains(&format!("href=\"/jobs/{job}?preview=rejected.csv#preview\"")), "{page}");
    let page = browser.page(&format!("/jobs/{job}?preview=rejected.csv"));
    let preview = page.split("id=\"preview\"").nth(1).unwrap().split("</table>").next().unwrap();
    assert!(preview.contains("<th scope=\"col\">") && preview.contains("&lt;b&gt;x"), "{preview}");
    assert!(!preview.contains("<b>x"), "{preview}");
    // Names that lead elsewhere are no artifacts.
    for name in ["..%2F..%2Fmilepost.db", "nothing.txt", "%00", ""] {
        assert!(!browser.page(&format!("/jobs/{job}?preview={name}")).contains("id=\"preview\""), "{name}");
    }
}

#[test]
fn text_is_no_image() {
    let browser = Browser::new();
    let job = browser.run(&json!({ "seconds": 0 }));
    let page = browser.page(&format!("/jobs/{job}?preview=demo.txt"));
    assert!(page.contains("<pre") && page.contains("Preview demo.txt"), "{page}");
    assert_eq!(browser.get(&format!("/jobs/{job}/artifacts/demo.txt?as=image")).status(), 415);
}
