//! The form of a new job, with and without scripts: validation, files, path picker, rerun.

use reqwest::{
    StatusCode,
    blocking::{Client, Response, multipart},
    redirect::Policy,
};

use crate::support::process::{ServerProcess, without_markers};

/// A browser without scripts. It follows no redirects, so that a test sees each response.
fn browser() -> Client {
    Client::builder().cookie_store(true).redirect(Policy::none()).build().unwrap()
}

fn send(server: &ServerProcess, kind: &str, fields: &[(&str, &str)]) -> Response {
    browser().post(server.url(&format!("/new/{kind}"))).form(fields).send().unwrap()
}

fn get(server: &ServerProcess, path: &str) -> (StatusCode, String) {
    let response = reqwest::blocking::get(server.url(path)).unwrap();
    (response.status(), without_markers(&response.text().unwrap()))
}

/// The value of the control `name` of a page.
fn value<'a>(page: &'a str, name: &str) -> &'a str {
    let tags = page.split('<').filter(|tag| tag.starts_with("input") && tag.contains(&format!("name=\"{name}\"")));
    let mut values = tags.filter_map(|tag| tag.split("value=\"").nth(1)?.split('"').next());
    values.next_back().unwrap_or_default()
}

/// The path of a started job.
fn job_path(response: Response) -> String {
    assert_eq!(response.status(), StatusCode::SEE_OTHER, "{}", response.text().unwrap());
    let path = response.headers()["location"].to_str().unwrap();
    assert!(path.strip_prefix("/jobs/").is_some_and(|id| id.parse::<i64>().is_ok()), "{path}");
    path.to_owned()
}

#[test]
fn task_list_links_to_a_form_for_every_task() {
    let (server, _data) = ServerProcess::start();
    let (_, catalogue) = get(&server, "/new");
    for kind in ["demo", "checksum", "import-csv", "check-links"] {
        assert!(catalogue.contains(&format!("href=\"/new/{kind}\"")), "{kind}");
        let (status, form) = get(&server, &format!("/new/{kind}"));
        assert_eq!(status, StatusCode::OK, "{kind}");
        assert!(form.contains(&format!("action=\"/new/{kind}\"")), "{kind}");
    }
}

#[test]
fn code_in_task_description_is_code_in_form() {
    let (server, _data) = ServerProcess::start();
    let (_, form) = get(&server, "/new/sql-export");
    assert!(form.contains("<code>select name, sql from sqlite_schema</code>") && !form.contains("`select"), "{form}");
}

#[test]
fn unknown_task_page_lists_the_tasks() {
    let (server, _data) = ServerProcess::start();
    let posted = send(&server, "mine-bitcoin", &[]);
    let posted = (posted.status(), posted.text().unwrap());
    for (status, page) in [get(&server, "/new/mine-bitcoin"), posted] {
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert!(page.contains("mine-bitcoin") && page.contains("href=\"/new/checksum\""));
    }
}

#[test]
fn form_without_script_redirects_to_its_job() {
    let (server, _data) = ServerProcess::start();
    let path = job_path(send(&server, "demo", &[("seconds", " 0 "), ("ending", "succeed")]));
    assert_eq!(get(&server, &path).0, StatusCode::OK);
    job_path(send(&server, "demo", &[]));
}

#[test]
fn form_errors_are_at_fields_and_input_is_kept() {
    let (server, _data) = ServerProcess::start();
    let fields = [("seconds", "ten \"or\" so"), ("stall_seconds", "601"), ("reports_per_second", "7"), ("speed", "9")];
    let response = send(&server, "demo", &fields);
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let page = response.text().unwrap();
    assert_eq!(value(&page, "seconds"), "ten &quot;or&quot; so");
    assert_eq!((value(&page, "stall_seconds"), value(&page, "reports_per_second")), ("601", "7"));
    assert!(page.contains("Not started: fix 3 fields"), "{page}");
    for field in ["seconds", "stall_seconds"] {
        assert!(page.contains(&format!("href=\"#field-{field}\"")) && page.contains(&format!("id=\"field-{field}\"")));
    }
    assert!(page.contains("speed"), "a field that is not there is named");
    assert_eq!(page.matches("aria-invalid=\"true\"").count(), 2);
}

/// The fields that the error summary of a page links to, in its order.
fn faulty_fields(page: &str) -> Vec<&str> {
    page.split("href=\"#field-").skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

/// Checks that a form, with and without script, reports the errors of these fields at once, in this order.
fn assert_faulty(server: &ServerProcess, kind: &str, fields: &[(&str, &str)], faulty: &[&str]) {
    let response = send(server, kind, fields);
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY, "{kind}");
    let page = response.text().unwrap();
    assert_eq!(faulty_fields(&page), faulty, "{kind}");
    assert_eq!(page.matches("aria-invalid=\"true\"").count(), faulty.len(), "{kind}");

    let entries: serde_json::Map<_, _> =
        fields.iter().map(|(name, text)| ((*name).to_owned(), serde_json::Value::from(*text))).collect();
    let response = start_by_script(server, kind, &serde_json::Value::from(entries).to_string());
    let error: serde_json::Value = response.json().unwrap();
    let reported = error["fields"].as_array().unwrap();
    let found: Vec<_> = reported.iter().map(|fault| fault["field"].as_str().unwrap()).collect();
    assert_eq!(found, faulty, "{kind}");
}

#[test]
fn all_errors_are_shown_at_once_in_order_of_fields() {
    let (server, _data) = ServerProcess::start();
    assert_faulty(
        &server,
        "demo",
        &[("$priority", "99"), ("$start_at", "soon"), ("stall_seconds", "601"), ("seconds", "ten")],
        &["seconds", "stall_seconds", "$start_at", "$priority"],
    );
    // What the task itself checks is among them.
    assert_faulty(&server, "import-csv", &[("$priority", "x"), ("table", "1st")], &["file", "table", "$priority"]);
    assert_faulty(&server, "unpack", &[("limit", "0")], &["upload", "limit"]);

    // A file that cannot be taken is one of several errors.
    let part = multipart::Part::bytes(vec![0xff]);
    let form = multipart::Form::new().part("seconds", part).text("stall_seconds", "601");
    let page = browser().post(server.url("/new/demo")).multipart(form).send().unwrap().text().unwrap();
    assert_eq!(faulty_fields(&page), ["seconds", "stall_seconds"]);
}

#[test]
fn uploaded_file_is_kept_when_another_field_is_invalid() {
    let (server, _data) = ServerProcess::start();
    let part = multipart::Part::text("a,b\n1,2\n").file_name("orders.csv");
    let form = multipart::Form::new().part("file", part).text("table", "");
    let response = browser().post(server.url("/new/import-csv")).multipart(form).send().unwrap();
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let page = response.text().unwrap();
    assert!(page.contains("orders.csv, 8 B, uploaded"), "{page}");

    // As a browser does, the next attempt sends an empty file input and the hidden ID.
    let nothing_chosen = multipart::Part::text("").file_name("");
    let id = value(&page, "file").to_owned();
    let form = multipart::Form::new().part("file", nothing_chosen).text("file", id).text("table", "orders");
    job_path(browser().post(server.url("/new/import-csv")).multipart(form).send().unwrap());
}

#[test]
fn file_over_limit_is_error_at_its_field() {
    let (server, _data) = ServerProcess::start_with(&["--upload-limit", "1MB"]);
    let part = multipart::Part::bytes(vec![b'x'; 3_000_000]).file_name("big.csv");
    let form = multipart::Form::new().part("file", part).text("table", "orders");
    let response = browser().post(server.url("/new/import-csv")).multipart(form).send().unwrap();
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let page = response.text().unwrap();
    assert!(page.contains("larger than the limit of 1.0 MB"), "{page}");
    assert_eq!(value(&page, "table"), "orders");
}

#[test]
fn text_that_is_not_utf_8_is_error_at_its_field() {
    let (server, _data) = ServerProcess::start();
    let post = || browser().post(server.url("/new/demo"));
    let encoded = post().header("content-type", "application/x-www-form-urlencoded").body("seconds=%ff&ending=fail");
    let part = multipart::Part::bytes(vec![0xff]);
    let in_parts = post().multipart(multipart::Form::new().part("seconds", part).text("ending", "fail"));
    for response in [encoded.send().unwrap(), in_parts.send().unwrap()] {
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert!(response.text().unwrap().contains("not UTF-8"));
    }
}

#[test]
fn form_over_16_mib_of_text_is_rejected() {
    let (server, _data) = ServerProcess::start();
    let response = send(&server, "check-links", &[("urls", &"x".repeat(17_000_000))]);
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert!(response.text().unwrap().contains("16 MiB"));
}

#[test]
fn path_picker_works_without_script_and_keeps_input() {
    let root = tempfile::TempDir::new().unwrap();
    std::fs::create_dir_all(root.path().join("photos/2026")).unwrap();
    let (server, _data) = ServerProcess::start_with(&["--root", root.path().to_str().unwrap()]);
    let root = root.path().canonicalize().unwrap().display().to_string();
    let photos = format!("{root}/photos");

    // The only root opens at once.
    let page = send(&server, "checksum", &[("folder", ""), ("$browse", "folder")]).text().unwrap();
    assert!(page.contains(&format!("name=\"$browse\" value=\"folder={photos}\"")), "{page}");
    assert!(page.contains(&format!("name=\"$choose\" value=\"folder={root}\"")), "{page}");
    assert!(!page.contains("All folders that tasks may read"), "{page}");

    // Opening a folder chooses nothing.
    let browse = format!("folder={photos}");
    let response = send(&server, "checksum", &[("folder", "x"), ("algorithm", "blake3"), ("$browse", &browse)]);
    assert_eq!(response.status(), StatusCode::OK);
    let page = response.text().unwrap();
    assert_eq!(value(&page, "folder"), "x");
    assert!(page.contains(&format!("value=\"folder={photos}/2026\"")), "{page}");
    assert!(page.split('<').any(|tag| tag.contains("value=\"blake3\"") && tag.contains("checked")), "{page}");

    let response = send(&server, "checksum", &[("folder", "x"), ("algorithm", "blake3"), ("$choose", &browse)]);
    assert_eq!(response.status(), StatusCode::OK);
    let page = response.text().unwrap();
    assert_eq!(value(&page, "folder"), photos);
    assert!(page.split('<').any(|tag| tag.contains("name=\"folder\"") && tag.contains("autofocus")), "{page}");
    assert!(page.split('<').any(|tag| tag.contains("value=\"blake3\"") && tag.contains("checked")), "{page}");

    // Starts from the value of the field; an invalid folder is an error, and the root is shown.
    let response = send(&server, "checksum", &[("folder", "/etc"), ("$browse", "folder")]);
    let page = response.text().unwrap();
    assert!(page.contains("href=\"#field-folder\"") && page.contains(&format!("value=\"folder={photos}\"")), "{page}");
    assert_eq!(value(&page, "folder"), "/etc");
}

#[test]
fn path_picker_lists_files_where_a_field_takes_a_file() {
    let root = tempfile::TempDir::new().unwrap();
    std::fs::create_dir(root.path().join("old")).unwrap();
    let hostile = "<img src=x onerror=\"alert(1)\">&'.tar";
    std::fs::write(root.path().join(hostile), "x").unwrap();
    std::os::unix::fs::symlink("/etc/passwd", root.path().join("passwd")).unwrap();
    let (server, _data) = ServerProcess::start_with(&["--root", root.path().to_str().unwrap()]);
    let root = root.path().canonicalize().unwrap().display().to_string();

    let page = send(&server, "unpack", &[("path", ""), ("$browse", "path")]).text().unwrap();
    assert!(page.contains("&lt;img src=x onerror=\"alert(1)\"&gt;&amp;'.tar"), "{page}");
    assert!(!page.contains("<img") && !page.contains("passwd"), "{page}");
    assert!(!page.contains(&format!("name=\"$choose\" value=\"path={root}\"")), "a folder cannot be chosen: {page}");
    assert!(page.contains(&format!("name=\"$browse\" value=\"path={root}/old\"")), "{page}");

    let choice = format!("path={root}/{hostile}");
    let page = send(&server, "unpack", &[("path", ""), ("$choose", &choice)]).text().unwrap();
    assert!(value(&page, "path").ends_with("&lt;img src=x onerror=&quot;alert(1)&quot;&gt;&amp;'.tar"), "{page}");

    // A field for folders shows none of them.
    let page = send(&server, "checksum", &[("$browse", "folder")]).text().unwrap();
    assert!(!page.contains("onerror") && page.contains("1 file"), "{page}");
    let by_script = |takes: &str| {
        let response = browser().post(server.url("/api/folders")).form(&[("takes", takes)]).send().unwrap();
        (response.status().as_u16(), response.json::<serde_json::Value>().unwrap())
    };
    assert_eq!(by_script("file").1["choices"][0]["name"], hostile);
    assert_eq!(by_script("folder").1.get("choices"), None);
    assert_eq!(by_script("everything").0, 400);
}

#[test]
fn path_to_wrong_type_is_error_at_its_field_in_forms_only() {
    let root = tempfile::TempDir::new().unwrap();
    std::fs::create_dir(root.path().join("photos")).unwrap();
    std::fs::write(root.path().join("orders.csv"), "id\n1\n").unwrap();
    let (server, _data) = ServerProcess::start_with(&["--root", root.path().to_str().unwrap()]);
    let plan =
        [("$name", "Nightly"), ("$expression", "@daily"), ("$zone", "UTC"), ("$overlap", "skip"), ("$missed", "skip")];
    for (kind, field, path, fault) in [
        ("checksum", "folder", "orders.csv", "The path orders.csv is not a folder; choose the folder it lies in."),
        ("archive", "folder", "orders.csv", "The path orders.csv is not a folder; choose the folder it lies in."),
        ("resize-images", "folder", "orders.csv", "The path orders.csv is not a folder; choose the folder it lies in."),
        ("unpack", "path", "photos", "The path photos is not a regular file; name the file itself."),
    ] {
        let response = send(&server, kind, &[(field, path)]);
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY, "{kind}");
        let page = response.text().unwrap();
        assert!(page.contains(fault) && page.contains(&format!("href=\"#field-{field}\"")), "{kind}: {page}");
        assert_eq!(value(&page, field), path);

        let by_script = start_by_script(&server, kind, &serde_json::json!({ field: path }).to_string());
        assert_eq!(by_script.status(), StatusCode::UNPROCESSABLE_ENTITY, "{kind}");

        let form: Vec<_> = plan.into_iter().chain([(field, path)]).collect();
        let scheduled = browser().post(server.url(&format!("/schedules/new?kind={kind}"))).form(&form).send().unwrap();
        assert_eq!(scheduled.status(), StatusCode::UNPROCESSABLE_ENTITY, "{kind}");
        assert!(scheduled.text().unwrap().contains(fault), "{kind}");

        // A program gets a job, which fails.
        let input = serde_json::json!({ field: path }).to_string();
        let started = browser().post(server.url("/api/start_job")).form(&[("kind", kind), ("input", &input)]).send();
        assert_eq!(started.unwrap().status(), StatusCode::OK, "{kind}");
    }
    let symlink = root.path().join("link");
    std::os::unix::fs::symlink("photos", &symlink).unwrap();
    job_path(send(&server, "checksum", &[("folder", "link")]));
}

/// The state of an island is created on one thread of the server and may be dropped on another.
#[test]
fn form_with_path_picker_renders_every_time() {
    let (server, _data) = ServerProcess::start();
    for _ in 0..100 {
        assert_eq!(send(&server, "checksum", &[("$browse", "folder")]).status(), StatusCode::OK);
    }
}

#[test]
fn rerun_form_is_filled_from_the_job() {
    let (server, _data) = ServerProcess::start();
    let path =
        job_path(send(&server, "demo", &[("seconds", "0"), ("stall_seconds", "0"), ("reports_per_second", "7")]));
    let id = path.strip_prefix("/jobs/").unwrap();

    let (status, page) = get(&server, &format!("/new/demo?from={id}"));
    assert_eq!(status, StatusCode::OK);
    assert_eq!((value(&page, "seconds"), value(&page, "reports_per_second")), ("0", "7"));
    assert_eq!(value(&page, "$rerun_of"), id);

    job_path(send(&server, "demo", &[("seconds", "0"), ("$rerun_of", id)]));
    let (_, nothing_to_repeat) = get(&server, "/new/demo");
    assert_eq!(value(&nothing_to_repeat, "$rerun_of"), "");

    let (_, page) = get(&server, &format!("/new/checksum?from={id}"));
    assert!(page.contains("does not fit here"), "{page}");
    let (_, page) = get(&server, "/new/demo?from=999999");
    assert!(page.contains("no job #999999"), "{page}");
}

/// Calls the function that the page's script calls: all values of the form are text.
fn start_by_script(server: &ServerProcess, kind: &str, entries: &str) -> Response {
    let url = server.url("/api/start_job");
    browser().post(url).form(&[("kind", kind), ("entries", entries)]).send().unwrap()
}

#[test]
fn form_by_script_returns_job_id_and_links_the_rerun() {
    let (server, _data) = ServerProcess::start();
    let first = start_by_script(&server, "demo", r#"{"seconds":" 0 ","ending":"succeed"}"#);
    assert_eq!(first.json::<u64>().unwrap(), 1);
    let second = start_by_script(&server, "demo", r#"{"seconds":"0","$rerun_of":"1"}"#);
    assert_eq!(second.json::<u64>().unwrap(), 2);
    assert!(get(&server, "/jobs/2").1.contains("href=\"/jobs/1\""));
}

#[test]
fn form_by_script_returns_errors_by_field() {
    let (server, _data) = ServerProcess::start();
    let rejected = |kind: &str, entries: &str| {
        let response = start_by_script(&server, kind, entries);
        (response.status().as_u16(), response.json::<serde_json::Value>().unwrap())
    };
    let (status, error) = rejected("demo", r#"{"seconds":"soon","stall_seconds":"601","mine":"x"}"#);
    let faults = error["fields"].as_array().unwrap();
    let mut fields: Vec<_> = faults.iter().filter_map(|fault| fault["field"].as_str()).collect();
    fields.sort_unstable();
    assert_eq!((status, fields), (422, vec!["mine", "seconds", "stall_seconds"]));
    let (status, error) = rejected("mine-bitcoin", "{}");
    assert_eq!((status, &error["field"]), (404, &"kind".into()));
    for entries in ["[]", "{", r#"{"seconds":{}}"#] {
        let (status, error) = rejected("demo", entries);
        assert_eq!((status, &error["field"]), (400, &"entries".into()), "{entries}: {error}");
    }
    assert!(!get(&server, "/jobs").1.contains("/jobs/1"), "nothing was started");
}
