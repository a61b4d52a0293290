//! Fuzz test: random requests to every route and server function, valid and invalid, by every kind of client.
//!
//! Each run prints its seed. `FUZZ_SEED` repeats one, `FUZZ_REQUESTS` sets the number of requests. The order in which
//! the server handles concurrent requests is not repeated.

mod request;
mod rng;

use std::{
    env,
    fs::{self, File},
    io::{Read, Write},
    net::SocketAddr,
    thread,
    time::Duration,
};

use serde_json::json;
use tempfile::TempDir;

use request::Request;
use rng::Rng;

use crate::support::{
    accounts::{ADA, ServerWithAccounts, UserClient, make_token},
    process::{ServerProcess, TIMEOUT, command},
};

const REQUESTS: u64 = 3_000;
/// Threads that send requests at the same time.
const THREADS: u64 = 3;
/// No response is read further; a stream is left after it.
const MAX_RESPONSE_BYTES: usize = 4 << 20;

/// Appear in title, input, log, file and column names of the private jobs of one user each.
const MARKS: [&str; 2] = ["zqmarkofada", "zqmarkofotto"];

struct Client {
    name: &'static str,
    /// The header with the credential.
    header: String,
    /// The marks that this client must never see.
    hidden: &'static [&'static str],
}

/// Starts a server with private jobs, which writes its log into a file.
fn start_server(log: &File) -> (ServerWithAccounts, Vec<Client>) {
    let data = TempDir::new().unwrap();
    let mut command = command();
    command.args(["--addr", "127.0.0.1:0", "--upload-limit", "1MB", "--data-dir"]).arg(data.path());
    command.stderr(log.try_clone().unwrap());
    let mut process = ServerProcess::spawn(command);
    let link = process.setup_link();
    let server = ServerWithAccounts::from_process(process, data);
    let ada = server.new_client();
    ada.redeem_link(link.split_once("link=").unwrap().1, ADA);
    let (vera, otto) = (server.add_user(&ada, "vera", "viewer"), server.add_user(&ada, "otto", "operator"));
    for target in ["eve", "mallory", "trudy"] {
        server.add_user(&ada, target, "operator");
    }
    let form = [("kind", "import-csv"), ("start", ""), ("seen_by", "starter")];
    ada.call("change_kind_rule", &form).error_for_status().unwrap();
    for (user, mark) in [(&ada, MARKS[0]), (&otto, MARKS[1])] {
        for number in 0..3 {
            private_job(user, mark, number);
        }
        user.start(r#"{"seconds":600}"#);
        user.run();
    }
    let token = make_token(&otto, "script", &["read", "start"]);
    let cookie = |user: &UserClient| format!("cookie: milepost_session={}", user.session_cookie().unwrap());
    let clients = vec![
        Client { name: "anonymous", header: "x-nothing: at-all".to_owned(), hidden: &MARKS },
        Client { name: "a viewer", header: cookie(&vera), hidden: &MARKS },
        Client { name: "an operator", header: cookie(&otto), hidden: &MARKS[..1] },
        Client { name: "an administrator", header: cookie(&ada), hidden: &[] },
        Client { name: "an API client", header: format!("authorization: Bearer {token}"), hidden: &MARKS[..1] },
        Client {
            name: "a guessed session",
            header: format!("cookie: milepost_session={mark}", mark = "A".repeat(22)),
            hidden: &MARKS,
        },
    ];
    (server, clients)
}

/// Runs an import with the mark in its title, input, log, warnings, result and files.
fn private_job(user: &UserClient, mark: &str, number: u32) {
    let text = format!("{mark},b\n{mark},1\n{mark},2,3\n\"{mark}\"x,4\n");
    let name = format!("{mark}-{number}.csv");
    let sent = user.send(user.request(http::Method::POST, &format!("/uploads?name={name}")).body(text));
    let upload: serde_json::Value = sent.error_for_status().unwrap().json().unwrap();
    let input =
        json!({ "file": upload["upload"], "table": format!("{mark}_{number}"), "on_error": "skip", "index": mark });
    let form = [("kind", "import-csv"), ("input", &input.to_string()), ("unique_key", mark)];
    let job = user.call("start_job", &form).error_for_status().unwrap().json().unwrap();
    user.wait(job);
    assert!(user.page(&format!("/jobs/{job}")).contains(mark));
}

/// Sends a request; returns the response, of a stream only its start.
fn send(addr: SocketAddr, bytes: &[u8], is_stream: bool) -> Vec<u8> {
    let mut stream = std::net::TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(if is_stream { Duration::from_millis(300) } else { TIMEOUT })).unwrap();
    let _ = stream.write_all(bytes);
    let (mut response, mut piece) = (Vec::new(), vec![0; 64 * 1024]);
    while let Ok(read) = stream.read(&mut piece)
        && read > 0
        && response.len() < MAX_RESPONSE_BYTES
    {
        response.extend_from_slice(&piece[..read]);
        if is_stream && response.windows(15).any(|words| words == b"event: snapshot") {
            break;
        }
    }
    response
}

/// Sends one request; returns whether it was granted, and what is wrong with the response.
fn check_response(addr: SocketAddr, client: &Client, request: &Request) -> (bool, Option<String>) {
    let response = send(addr, &request.bytes(&client.header), request.is_stream());
    let text = String::from_utf8_lossy(&response);
    let status: u16 = text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let leaked = client.hidden.iter().find(|mark| text.contains(**mark));
    let fault = match (status, leaked) {
        (_, Some(mark)) => format!("sees {mark}"),
        (100..=499, None) => return (status < 400 && !text.contains("/sign-in"), None),
        (status, None) => format!("returned {status}"),
    };
    let response: String = text.chars().take(2_000).collect();
    (false, Some(format!("{} {fault}\n{}\n-- response --\n{response}", client.name, request.preview(&client.header))))
}

fn number(variable: &str) -> Option<u64> {
    env::var(variable).ok()?.parse().ok()
}

#[test]
fn random_requests_neither_break_the_server_nor_leak_data() {
    let seed = number("FUZZ_SEED").unwrap_or_else(rand::random);
    let requests = number("FUZZ_REQUESTS").unwrap_or(REQUESTS);
    println!("FUZZ_SEED={seed}");
    let log = tempfile::NamedTempFile::new().unwrap();
    let (server, clients) = start_server(log.as_file());
    let addr = server.process.addr;
    let outcomes: Vec<(&str, bool, Option<String>)> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let clients = &clients;
                scope.spawn(move || {
                    let mut rng = Rng::new(seed.wrapping_add(thread));
                    let requests = (0..requests / THREADS).map(|_| (rng.choose(clients), Request::random(&mut rng)));
                    let checked =
                        requests.map(|(client, request)| (client.name, check_response(addr, client, &request)));
                    checked.map(|(name, (granted, fault))| (name, granted, fault)).collect::<Vec<_>>()
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    for client in &clients {
        let requests = || outcomes.iter().filter(|(name, ..)| *name == client.name);
        let granted = requests().filter(|(_, granted, _)| *granted).count();
        println!("{}: {granted} of {} requests granted", client.name, requests().count());
    }
    let faults: Vec<String> = outcomes.into_iter().filter_map(|(_, _, fault)| fault).take(10).collect();
    let log_text = fs::read_to_string(log.path()).unwrap();
    let errors: Vec<_> =
        log_text.lines().filter(|line| line.contains("panicked") || line.contains("ERROR")).take(10).collect();
    assert!(faults.is_empty() && errors.is_empty(), "FUZZ_SEED={seed}\n{}\n{errors:#?}", faults.join("\n\n"));

    // All users keep their rights, and the server is healthy. A random request of the administrator may have restricted
    // the task; undo that.
    let pages = clients[1..5].iter().map(|client| (client, Request::page("/jobs")));
    let (otto, ada) = (&clients[2], &clients[3]);
    let requests = [
        (ada, Request::function("change_kind_rule", "kind=demo&start=&seen_by=")),
        (otto, Request::function("start_job", "kind=demo&input=%7B%22seconds%22%3A0%7D")),
    ];
    for (client, request) in pages.chain(requests) {
        let response = send(addr, &request.bytes(&client.header), false);
        assert!(response.starts_with(b"HTTP/1.1 200"), "{}: {}", client.name, String::from_utf8_lossy(&response));
    }
    assert_eq!(server.process.status(&["GET /healthz HTTP/1.1", "host: localhost"]), 200);
}
