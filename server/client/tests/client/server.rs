//! A server with the acknowledgements of the reporting protocol, and the faults that tests ask for.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

/// Longest wait of a test for something that must happen.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// One run as the server has it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Run {
    pub(crate) reporter: String,
    pub(crate) received: u64,
    pub(crate) acked: u64,
    pub(crate) entries: BTreeMap<u64, Value>,
    pub(crate) cancel: Option<Value>,
    pub(crate) batches: usize,
}

impl Run {
    /// Returns the texts of all log lines, in order.
    pub(crate) fn lines(&self) -> Vec<String> {
        let lines = self.entries.values().filter_map(|entry| entry["lines"].as_array()).flatten();
        lines.filter_map(|line| line[2].as_str().map(str::to_owned)).collect()
    }

    /// Returns the last entry of a type.
    pub(crate) fn last(&self, kind: &str) -> Option<&Value> {
        self.entries.values().rev().find(|entry| entry["type"] == kind)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.last("finish").is_some() || self.last("lost").is_some()
    }
}

/// A response that is given instead of the right one.
#[derive(Clone, Debug)]
pub(crate) struct Canned {
    pub(crate) status: u16,
    pub(crate) header: &'static str,
    pub(crate) body: Value,
}

/// The state of the server, and its faults.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) runs: HashMap<String, Run>,
    pub(crate) artifacts: HashMap<String, (String, Vec<u8>)>,
    pub(crate) token: Option<String>,
    pub(crate) epoch: String,
    /// Responses to the next batches.
    pub(crate) canned: VecDeque<Canned>,
    /// Entries that are taken of a batch.
    pub(crate) most_entries: Option<usize>,
    /// Entries that are not yet on disk.
    pub(crate) lag: u64,
    /// Takes this many batches, and closes the connection without a response.
    pub(crate) lose_responses: usize,
    /// Accepts requests and never responds.
    pub(crate) hangs: bool,
    /// Bodies above this size get 413.
    pub(crate) most_bytes: Option<usize>,
    /// Entries with this text get 422.
    pub(crate) invalid: Option<&'static str>,
    /// Batches that began with an entry beyond the next one.
    pub(crate) gaps: usize,
    /// The paths and bodies of all requests.
    pub(crate) requests: Vec<(String, String)>,
    pub(crate) busy: bool,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    alive: AtomicBool,
}

/// A running server; it can be stopped and started again at the same address.
pub(crate) struct Server {
    shared: Arc<Shared>,
    address: SocketAddr,
}

impl Server {
    pub(crate) fn start() -> Self {
        let state = State { epoch: "e1".to_owned(), ..State::default() };
        let shared = Shared { state: Mutex::new(state), changed: Condvar::new(), alive: AtomicBool::new(false) };
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let server = Self { shared: Arc::new(shared), address: listener.local_addr().expect("it is bound") };
        server.listen(listener);
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().expect("no thread panicked")
    }

    /// Ends all connections and forgets what is not on disk, as a crash does.
    pub(crate) fn stop(&self) {
        self.shared.alive.store(false, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        thread::sleep(Duration::from_millis(100));
        for run in self.state().runs.values_mut() {
            run.received = run.acked;
            run.entries.retain(|number, _| *number <= run.acked);
        }
    }

    pub(crate) fn restart(&self) {
        self.listen(TcpListener::bind(self.address).expect("the port is free again"));
    }

    /// Asks for the end of all runs.
    pub(crate) fn cancel(&self, grace: f64) {
        let cancel = json!({"at": 1, "by": "anna", "reason": "cancel", "grace": grace});
        self.state().runs.values_mut().for_each(|run| run.cancel = Some(cancel.clone()));
        self.shared.changed.notify_all();
    }

    /// Waits until a condition holds.
    pub(crate) fn wait<T>(&self, what: &str, condition: impl Fn(&State) -> Option<T>) -> T {
        let deadline = Instant::now() + DEADLINE;
        let mut state = self.state();
        loop {
            if let Some(value) = condition(&state) {
                return value;
            }
            assert!(Instant::now() < deadline, "{what}: {:#?}", state.runs);
            state = self.shared.changed.wait_timeout(state, Duration::from_millis(50)).expect("no thread panicked").0;
        }
    }

    /// Returns the only run.
    pub(crate) fn run(&self) -> Run {
        let state = self.state();
        assert_eq!(state.runs.len(), 1, "{:?}", state.runs.keys());
        state.runs.values().next().cloned().expect("there is one")
    }

    fn listen(&self, listener: TcpListener) {
        self.shared.alive.store(true, Ordering::SeqCst);
        let shared = self.shared.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                if !shared.alive.load(Ordering::SeqCst) {
                    return;
                }
                let shared = shared.clone();
                thread::spawn(move || serve(&shared, stream.expect("a connection")));
            }
        });
    }
}

struct Request {
    method: String,
    path: String,
    token: Option<String>,
    digest: String,
    body: Vec<u8>,
}

fn serve(shared: &Shared, stream: TcpStream) {
    let _ = stream.set_read_timeout(Some(Duration::from_millis(50)));
    let _ = stream.set_nodelay(true);
    let mut reader = BufReader::new(stream);
    while let Some(request) = read_request(shared, &mut reader) {
        let Some((status, header, body)) = respond(shared, &request) else { return };
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let text = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n{header}\r\n{body}", body.len());
        if reader.get_mut().write_all(text.as_bytes()).is_err() {
            return;
        }
    }
}

fn read_request(shared: &Shared, reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = || {
        let mut line = Vec::new();
        loop {
            match reader.read_until(b'\n', &mut line) {
                Ok(0) => return None,
                Ok(_) if line.ends_with(b"\n") => return String::from_utf8(line).ok(),
                Ok(_) => {}
                Err(_) if shared.alive.load(Ordering::SeqCst) => {}
                Err(_) => return None,
            }
        }
    };
    let first = line()?;
    let mut words = first.split_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut request = Request { method, path, token: None, digest: String::new(), body: Vec::new() };
    let mut length = 0;
    loop {
        let header = line()?;
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().expect("a number"),
            "authorization" => request.token = value.strip_prefix("Bearer ").map(str::to_owned),
            "content-digest" => value.clone_into(&mut request.digest),
            "transfer-encoding" => panic!("the length is known"),
            _ => {}
        }
    }
    request.body = vec![0; length];
    let mut filled = 0;
    while filled < length {
        match reader.read(&mut request.body[filled..]) {
            Ok(0) => return None,
            Ok(count) => filled += count,
            Err(_) if shared.alive.load(Ordering::SeqCst) => {}
            Err(_) => return None,
        }
    }
    Some(request)
}

/// Returns status, headers and body; nothing if the connection is closed without a response.
fn respond(shared: &Shared, request: &Request) -> Option<(u16, String, Value)> {
    let mut state = shared.state.lock().expect("no thread panicked");
    let body = String::from_utf8_lossy(&request.body).into_owned();
    state.requests.push((format!("{} {}", request.method, request.path), body.clone()));
    shared.changed.notify_all();
    while state.hangs && shared.alive.load(Ordering::SeqCst) {
        state = shared.changed.wait_timeout(state, Duration::from_millis(50)).expect("no thread panicked").0;
    }
    if !shared.alive.load(Ordering::SeqCst) {
        return None;
    }
    let problem = |status: u16, code: &str| Some((status, String::new(), json!({"status": status, "code": code})));
    if state.token.is_some() && state.token != request.token {
        return problem(401, "unauthorized");
    }
    let path = request.path.strip_prefix("/api/v1/report/")?;
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let parts: Vec<&str> = path.split('/').collect();
    let name = format!("{}/{}", parts[0], parts[1]);
    match (request.method.as_str(), &parts[2..]) {
        ("POST", []) => batch(shared, state, &name, &body),
        ("POST", ["start"]) if state.busy => problem(409, "busy"),
        ("POST", ["start"]) => {
            state.runs.entry(name.clone()).or_default();
            Some((201, String::new(), status(&state, &name)))
        }
        ("GET", ["control"]) => control(shared, state, &name, query),
        ("GET", []) if state.runs.contains_key(&name) => Some((200, String::new(), status(&state, &name))),
        ("PUT", ["artifacts", file]) => {
            state.artifacts.insert((*file).to_owned(), (request.digest.clone(), request.body.clone()));
            Some((201, String::new(), Value::Null))
        }
        _ => problem(404, "not_found"),
    }
}

fn batch(shared: &Shared, mut state: MutexGuard<'_, State>, name: &str, body: &str) -> Option<(u16, String, Value)> {
    if let Some(canned) = state.canned.pop_front() {
        return Some((canned.status, canned.header.to_owned(), canned.body));
    }
    if state.most_bytes.is_some_and(|most| body.len() > most) {
        return Some((413, String::new(), json!({"code": "too_large"})));
    }
    let batch: Value = serde_json::from_str(body).expect("a batch is JSON");
    let entries = batch["entries"].as_array().expect("it has entries").clone();
    if let Some(invalid) = state.invalid
        && let Some(index) = entries.iter().position(|entry| entry.to_string().contains(invalid))
    {
        let error = json!({"pointer": format!("/entries/{index}/lines"), "code": "invalid", "detail": "no"});
        return Some((422, String::new(), json!({"code": "invalid", "errors": [error]})));
    }
    let (most, lag) = (state.most_entries.unwrap_or(usize::MAX), state.lag);
    let run = state.runs.entry(name.to_owned()).or_default();
    run.batches += 1;
    let reporter = batch["reporter"].as_str().expect("it has a reporter");
    if run.reporter.is_empty() {
        reporter.clone_into(&mut run.reporter);
    }
    if run.reporter != reporter {
        return Some((409, String::new(), json!({"code": "other_reporter"})));
    }
    // After a restart: what the reporter was told is on disk counts as received.
    run.received = run.received.max(batch["acked"].as_u64().expect("a number"));
    let first = batch["seq"].as_u64().expect("a number");
    if first > run.received + 1 {
        let received = run.received;
        state.gaps += 1;
        return Some((409, String::new(), json!({"code": "gap", "received": received})));
    }
    let mut taken = 0;
    for (number, entry) in (first..).zip(entries) {
        if number <= run.received || taken >= most {
            continue;
        }
        assert_eq!(number, run.received + 1);
        assert!(run.entries.insert(number, entry).is_none(), "entry {number} twice");
        run.received = number;
        taken += 1;
    }
    // The end waits for the commit.
    let on_disk = if run.is_over() { run.received } else { run.received.saturating_sub(lag) };
    run.acked = run.acked.max(on_disk);
    shared.changed.notify_all();
    if state.lose_responses > 0 {
        state.lose_responses -= 1;
        return None;
    }
    Some((200, String::new(), status(&state, name)))
}

fn control(shared: &Shared, mut state: MutexGuard<'_, State>, name: &str, query: &str) -> Option<(u16, String, Value)> {
    let since = query.split('&').find_map(|pair| pair.strip_prefix("since=")).unwrap_or_default().to_owned();
    let deadline = Instant::now() + Duration::from_secs(5);
    while shared.alive.load(Ordering::SeqCst) {
        if !state.runs.contains_key(name) {
            return Some((404, String::new(), json!({"code": "not_found"})));
        }
        let status = status(&state, name);
        if status["control"] != since.as_str() {
            return Some((200, String::new(), status));
        }
        if Instant::now() > deadline {
            return Some((204, String::new(), Value::Null));
        }
        state = shared.changed.wait_timeout(state, Duration::from_millis(50)).expect("no thread panicked").0;
    }
    None
}

fn status(state: &State, name: &str) -> Value {
    let run = &state.runs[name];
    let control = if run.cancel.is_some() { "c2" } else { "c1" };
    let over = if run.is_over() { "succeeded" } else { "running" };
    let mut status = json!({"job": 1042, "attempt": 1, "state": over, "epoch": state.epoch, "received": run.received,
        "acked": run.acked, "report_every": 0.2, "control": control, "log": {"lines_left": 200_000}, "at": 1});
    if let Some(cancel) = &run.cancel {
        status["cancel"] = cancel.clone();
    }
    status
}
