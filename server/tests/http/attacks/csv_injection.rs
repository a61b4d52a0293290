//! CSV injection: text that a spreadsheet would take for a formula.

use reqwest::Method;

use crate::support::{
    accounts::{ServerWithAccounts, make_token},
    browser::Browser,
    database::query_value,
};

const FORMULAS: [&str; 10] = [
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "=HYPERLINK(\"http://evil.example\";\"x\")",
    "=cmd|'/c calc'!A0",
    "＝1+1",
    "＠SUM(A1)",
    "a;=1+1",
    "a;\"=1+1\"",
];

/// Finds a cell that would be a formula, with each delimiter that a spreadsheet may choose.
fn find_formula(csv: &str) -> Option<String> {
    [b',', b';', b'\t'].into_iter().find_map(|delimiter| {
        let mut reader = csv::ReaderBuilder::new();
        let mut reader = reader.delimiter(delimiter).has_headers(false).flexible(true).from_reader(csv.as_bytes());
        let records: Vec<_> = reader.records().map(Result::unwrap).collect();
        let cells = records.iter().flat_map(csv::StringRecord::iter);
        let mut formulas =
            cells.filter(|cell| cell.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']));
        formulas.next().map(str::to_owned)
    })
}

#[test]
fn audit_log_export_contains_no_formulas() {
    let (server, ada) = ServerWithAccounts::with_admin();
    for formula in FORMULAS {
        make_token(&ada, formula, &["read"]);
        server.new_client().call("sign_in", &[("name", formula), ("password", "nothing of the sort")]);
    }
    let made = crate::support::accounts::request_with_token(
        &server,
        &make_token(&ada, "=2+2", &["start"]),
        Method::POST,
        "/api/start_job",
        &[("kind", "demo"), ("input", r#"{"seconds":0}"#)],
    );
    assert_eq!(made.status(), 200);
    let export = ada.get("/settings/audit.csv").text().unwrap();
    assert!(export.contains("1+1") && export.contains("evil.example"), "{export}");
    assert_eq!(find_formula(&export), None);
    let kept: i64 = query_value(server.data(), "select count(*) from audit where detail like '=1+1%'");
    assert!(kept > 0, "the log itself is unchanged");
}

#[test]
fn rejected_import_records_contain_no_formulas() {
    let browser = Browser::new();
    let upload = browser.upload("a,b\n1,2\n=1+1,2,3\n@SUM(A1),2,3\n\t=1+1,2,3\n\"=1\"x,2\n4,5\n＝1,2,3\nx;=1+1,2,3\n\"x\n=1\",2,3\n\u{1b}[2J,2,3\n");
    let job = browser.start("import-csv", &serde_json::json!({ "file": upload, "table": "t", "on_error": "skip" }));
    browser.wait(&[job]);
    let response = browser.get(&format!("/jobs/{job}/artifacts/rejected.csv"));
    assert!(response.headers()["content-disposition"].to_str().unwrap().starts_with("attachment"));
    assert_eq!(response.headers()["content-type"], "application/octet-stream");
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    let rejected = response.text().unwrap();
    assert!(rejected.contains("'=1+1,2,3"), "{rejected}");
    assert_eq!(find_formula(&rejected), None);
    assert!(rejected.contains("\u{fffd}[2J") && !rejected.contains('\u{1b}'), "{rejected}");
}
