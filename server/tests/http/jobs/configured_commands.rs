//! Configured commands: from a table in the configuration file to a form, a job, its log and its end.

use std::{fs, time::Instant};

use reqwest::blocking::Client;
use tempfile::TempDir;

use crate::support::{
    accounts::{ADA, ServerWithAccounts},
    process::{ServerProcess, TIMEOUT, WorkerProcess, command, signal, without_markers},
};

const TABLE: &str = r#"
[command.greet]
name = "Greet a user"
about = "Says hello."
title = "Greet {{name}}"
argv = ["sh", "-c", 'echo "{\"progress\":0.5}"; echo "hello, $1$2"', "sh", "{{name}}", "{{loud?!}}"]
[command.greet.parameters]
name = { type = "string", title = "Whom", maxLength = 20 }
loud = { type = "boolean", title = "Loudly" }
"#;

/// A configuration file with this text, and its path.
fn config_file(text: &str) -> (TempDir, String) {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("milepost.toml");
    fs::write(&file, text).unwrap();
    (folder, file.to_str().unwrap().to_owned())
}

fn get(server: &ServerProcess, path: &str) -> String {
    without_markers(&reqwest::blocking::get(server.url(path)).unwrap().text().unwrap())
}

#[test]
fn configured_command_has_a_form_and_runs() {
    let (_folder, file) = config_file(TABLE);
    let (server, _data) = ServerProcess::start_with(&["--config", &file]);
    assert!(get(&server, "/new").contains("Greet a user"));
    let form = get(&server, "/new/greet");
    assert!(form.contains("Whom") && form.contains("Loudly") && form.contains("Says hello."), "{form}");

    let browser = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let send = |fields: &[(&str, &str)]| browser.post(server.url("/new/greet")).form(fields).send().unwrap();
    let rejected = send(&[("name", "-x")]);
    assert_eq!(rejected.status(), 422);
    assert!(rejected.text().unwrap().contains("must not begin with a dash"));
    let rejected = send(&[("name", "a name that is much too long")]);
    assert_eq!(rejected.status(), 422);

    let accepted = send(&[("name", "Ann; exit 1"), ("loud", "true")]);
    assert_eq!(accepted.status(), 303, "{}", accepted.text().unwrap());
    let location = accepted.headers()["location"].to_str().unwrap().to_owned();
    let started_at = Instant::now();
    let page = loop {
        let page = get(&server, &location);
        if page.contains(r#"data-state="succeeded""#) {
            break page;
        }
        assert!(started_at.elapsed() < TIMEOUT, "{page}");
    };
    assert!(page.contains("Greet Ann; exit 1"), "{page}");
    assert!(page.contains("hello, Ann; exit 1!"), "{page}");
}

#[test]
fn ansi_styles_are_spans_on_page_and_absent_in_download() {
    let text = r#"printf "\033[1;31m<b>no</b>\" onclick=x\033[0m & \033[42mit\n\033[mplain\n""#;
    let (_folder, file) = config_file(&format!("[command.paint]\nargv = ['sh', '-c', '''{text}''']\nterminal = true"));
    let (server, _data) = ServerProcess::start_with(&["--config", &file]);
    let start = [("kind", "paint"), ("input", "{}")];
    let job = Client::new().post(server.url("/api/start_job")).form(&start).send().unwrap().text().unwrap();
    let events = get(&server, &format!("/events?job={job}&until=end"));
    assert!(events.contains(r#""paint":"0:1b 20: 23:2r""#), "{events}");
    let page = get(&server, &format!("/jobs/{job}"));
    for markup in [
        r#"<span data-paint="1b">&lt;b&gt;no&lt;/b&gt;" onclick=x</span>"#,
        r#"<span data-paint=""> &amp; </span>"#,
        r#"<span data-paint="2r">it</span>"#,
        "<span>plain</span>",
    ] {
        assert!(page.contains(markup), "{markup} in {page}");
    }
    let log = get(&server, &format!("/jobs/{job}/log"));
    assert!(log.contains("<b>no</b>\" onclick=x & it") && !log.contains('\u{1b}') && !log.contains("0:1b"), "{log}");
}

#[test]
fn invalid_command_table_is_rejected_with_its_key() {
    for (text, words) in [
        ("[command.x]\nargv = ['no-such-program']", ["command.x.argv", "there is no program"]),
        ("[command.x]\nargv = ['ls']\ntimeout = 'soon'", ["command.x.timeout", "such as 10s"]),
        ("[command.X]\nargv = ['ls']", ["command.X", "a-z"]),
        ("[command.demo]\nargv = ['ls']", ["demo", "choose another"]),
        ("[comand.x]\nargv = ['ls']", ["comand", "no setting"]),
    ] {
        let (_folder, file) = config_file(text);
        let data = TempDir::new().unwrap();
        let output = command()
            .args(["--addr", "127.0.0.1:0", "--config", &file, "--data-dir"])
            .arg(data.path())
            .output()
            .unwrap();
        assert!(!output.status.success());
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(words.iter().all(|word| stderr.contains(word)), "{text}: {stderr}");
    }
}

#[test]
fn next_start_kills_programs_of_a_killed_server() {
    let (_folder, file) = config_file("[command.wait]\nargv = ['sh', '-c', 'setsid sleep 86399.5 & echo $!; wait']");
    let (server, data) = ServerProcess::start_with(&["--config", &file]);
    let start = [("kind", "wait"), ("input", "{}")];
    let job = Client::new().post(server.url("/api/start_job")).form(&start).send().unwrap().text().unwrap();
    let sleeping_processes = || {
        let all = engine::processes::all().into_iter().filter(|process| !process.ended);
        let is_it = |pid: u32| fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line == b"sleep\086399.5\0");
        all.filter(|process| is_it(process.pid)).count()
    };
    let started_at = Instant::now();
    while sleeping_processes() == 0 {
        assert!(started_at.elapsed() < TIMEOUT, "job {job} does not begin");
    }
    signal(server.pid(), "KILL");
    server.wait();
    assert_eq!(sleeping_processes(), 1);
    let again = ServerProcess::start_in(data.path(), &["--config", &file]);
    assert_eq!(sleeping_processes(), 0);
    assert!(get(&again, &format!("/jobs/{job}")).contains(r#"data-state="interrupted""#));
}

#[test]
fn jobs_of_removed_private_command_stay_private() {
    let (_folder, file) = config_file("[command.secret]\nargv = ['true']\nprivate = true");
    let (mut server, link) = ServerWithAccounts::new(&["--config", &file]);
    let ada = server.new_client();
    ada.redeem_link(&link, ADA);
    let (ben, eve) = (server.add_user(&ada, "ben", "operator"), server.add_user(&ada, "eve", "operator"));
    let job = ben.call("start_job", &[("kind", "secret"), ("input", "{}")]).text().unwrap();
    let page = format!("/jobs/{job}");
    assert_eq!(ben.get(&page).status(), 200);
    assert_eq!(eve.get(&page).status(), 404);
    let addr = server.process.addr.to_string();
    server.process.signal("TERM");
    assert!(server.process.wait_for_exit().success());
    let again = {
        let mut command = command();
        command.args(["--addr", &addr, "--data-dir"]).arg(server.data());
        ServerProcess::spawn(command)
    };
    assert_eq!(again.addr, server.process.addr);
    assert_eq!(ben.get(&page).status(), 200);
    assert_eq!(eve.get(&page).status(), 404);
    assert!(!eve.page("/jobs").contains(&page));
}

#[test]
fn job_without_a_worker_for_its_task_says_so() {
    let (_folder, file) = config_file(TABLE);
    let (server, data) = ServerProcess::start_with(&["--config", &file, "--concurrency", "0", "--lease", "3s"]);
    let start = [("kind", "greet"), ("input", r#"{"name":"Ann"}"#)];
    let job = Client::new().post(server.url("/api/start_job")).form(&start).send().unwrap().text().unwrap();
    let shows = |words: &str| {
        let started_at = Instant::now();
        loop {
            let page = get(&server, &format!("/jobs/{job}"));
            if page.contains(words) {
                return page;
            }
            assert!(started_at.elapsed() < TIMEOUT, "{words}: {page}");
        }
    };
    shows("No worker is running");
    // This worker has only the built-in tasks.
    let _without = WorkerProcess::start_in(data.path(), &[]);
    let page = shows("No process that runs now has this task");
    assert!(!page.contains("within a minute"), "{page}");
    let _with = WorkerProcess::start_in(data.path(), &["--config", &file]);
    shows("hello, Ann");
}

#[test]
fn catalogue_is_grouped_and_searchable() {
    let commands = [0, 1, 2, 3].map(|n| format!("[command.c{n}]\nargv = ['true']\n")).concat();
    let own =
        "[command.mirror]\nargv = ['true']\nabout = 'Copies <b>all</b>.'\nicon = 'folder'\ngroup = 'Nightly & co'\n";
    let (_folder, file) = config_file(&(commands + own));
    let (server, _data) = ServerProcess::start_with(&["--config", &file]);
    let page = get(&server, "/new");
    let names = ["Data", "Files", "Maintenance", "Commands", "Nightly &amp; co", "Other"];
    let places: Vec<_> = names.map(|name| page.find(&format!("<h2>{name}</h2>")).expect(name)).to_vec();
    assert!(places.is_sorted(), "{places:?}");
    assert!(page.contains("name=\"text\""), "a search from twelve tasks on");
    let card = |page: &str| page.split("href=\"/new/mirror\"").next().unwrap().rsplit("<li").next().unwrap().to_owned();
    assert!(card(&page).contains("data-icon=\"folder\""), "{}", card(&page));
    let found = get(&server, "/new?text=COPIES+%3Cb%3E");
    assert!(found.contains("/new/mirror") && !found.contains("/new/checksum"), "{found}");
    assert!(get(&server, "/new?text=zzz").contains("No matching tasks."));
    let (few, _data) = ServerProcess::start_with(&[]);
    assert!(!get(&few, "/new").contains("type=\"search\" name=\"text\""));
}
