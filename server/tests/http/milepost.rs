//! A server under test.

use std::{
    ffi::OsStr,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// Longer than anything here takes; a test that waits this long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The built binary.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_milepost");

/// Where a server finds the small disk that it alone sees.
const SMALL_DISK: &str = "/mnt";

/// The program, with none of the tester's own settings.
pub(crate) fn command() -> Command {
    bare(PROGRAM)
}

/// Another program to run it by, with nothing but the usual path.
pub(crate) fn command_by(program: &str) -> Command {
    let mut command = bare(program);
    command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command
}

/// A program with nothing of the tester's own around it.
pub(crate) fn bare(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Returns a page without the markers (`<!>`) that Leptos writes between nodes of erased types.
pub(crate) fn without_markers(html: &str) -> String {
    html.replace("<!>", "")
}

/// Runs it to its end, which it must come to by itself.
pub(crate) fn run(arguments: &[&str]) -> Output {
    command().args(arguments).output().unwrap()
}

/// A running server. Killed when dropped.
pub(crate) struct Milepost {
    child: Child,
    /// What it says on stdout after the line that says where it listens.
    said: BufReader<ChildStdout>,
    /// Where it listens.
    pub(crate) addr: SocketAddr,
}

impl Milepost {
    /// One with a data directory of its own.
    pub(crate) fn start() -> (Self, TempDir) {
        Self::start_with(&[])
    }

    /// The same, with more arguments.
    pub(crate) fn start_with(arguments: &[&str]) -> (Self, TempDir) {
        let data = TempDir::new().unwrap();
        (Self::start_in(data.path(), arguments), data)
    }

    /// One on `data`.
    pub(crate) fn start_in(data: &Path, arguments: &[&str]) -> Self {
        let mut command = command();
        command.args(["--addr", "127.0.0.1:0", "--no-auth", "--data-dir"]).arg(data).args(arguments);
        Self::spawn(command)
    }

    /// One whose memory is measured: its allocator uses no huge pages, which count whole once a byte of them is used.
    pub(crate) fn measured() -> (Self, TempDir) {
        let data = TempDir::new().unwrap();
        let mut command = command();
        command.env("MIMALLOC_ALLOW_THP", "0");
        command.args(["--addr", "127.0.0.1:0", "--no-auth", "--data-dir"]).arg(data.path());
        (Self::spawn(command), data)
    }

    /// One with accounts, on `data`.
    pub(crate) fn with_accounts(data: &Path, arguments: &[&str]) -> Self {
        let mut command = command();
        command.args(["--addr", "127.0.0.1:0", "--data-dir"]).arg(data).args(arguments);
        Self::spawn(command)
    }

    /// The link for the first administrator, which it writes to a file while there is none.
    pub(crate) fn setup_link(&mut self) -> String {
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        setup_link(&line)
    }

    /// One whose data directory is a small disk of its own, seen from here at [`Milepost::small_disk`];
    /// `None` where the system lets nobody mount one.
    pub(crate) fn start_on_small_disk(size: &str) -> Option<Self> {
        const MOUNT: &str = r#"mount -t tmpfs -o size="$1" tmpfs "$2" && shift 2 && exec "$@""#;
        let may_mount = Command::new("unshare").args(["-rm", "true"]).status().is_ok_and(|status| status.success());
        if !may_mount {
            return None;
        }
        let mut command = command_by("unshare");
        command.args(["-rm", "sh", "-c", MOUNT, "sh", size, SMALL_DISK]);
        command.args([PROGRAM, "--addr", "127.0.0.1:0", "--no-auth", "--data-dir", SMALL_DISK]);
        Some(Self::spawn(command))
    }

    /// Its small disk, as this process can see it.
    pub(crate) fn small_disk(&self) -> PathBuf {
        format!("/proc/{}/root{SMALL_DISK}", self.pid()).into()
    }

    /// Starts `command` and waits for the line that says where it listens.
    pub(crate) fn spawn(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        // Nothing comes before it, but where a test is the program.
        let mut lines = said.by_ref().lines().map_while(Result::ok);
        let addr = lines.find_map(|line| Some(line.split_once("listening on http://")?.1.parse().unwrap()));
        let Some(addr) = addr else {
            child.kill().unwrap();
            let mut said = String::new();
            child.stderr.unwrap().read_to_string(&mut said).unwrap();
            panic!("the server did not start; it said: {said}");
        };
        Self { child, said, addr }
    }

    /// An address on it.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Processor time that it has used.
    pub(crate) fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap();
        // The name before may hold anything.
        let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
        let ticks: u64 = fields[11..13].iter().map(|ticks| ticks.parse::<u64>().unwrap()).sum();
        // 100 ticks a second, whatever the kernel's own clock.
        Duration::from_millis(ticks * 10)
    }

    /// Bytes of memory that it has now. From here on the peak is measured.
    pub(crate) fn idle_memory(&self) -> u64 {
        std::fs::write(format!("/proc/{}/clear_refs", self.pid()), "5").unwrap();
        self.memory("VmRSS")
    }

    /// The most that it has had since, bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        self.memory("VmHWM")
    }

    /// A line of its status, in bytes.
    fn memory(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let kibibytes = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.strip_suffix(" kB"));
        kibibytes.unwrap().trim().parse::<u64>().unwrap() << 10
    }

    /// Sends a signal, by its name without `SIG`.
    pub(crate) fn signal(&self, name: &str) {
        signal(self.pid(), name);
    }

    /// Reads on in its log to a line with these words.
    pub(crate) fn says(&mut self, words: &str) {
        self.line_with(words);
    }

    /// The same; answers the line.
    pub(crate) fn line_with(&mut self, words: &str) -> String {
        let mut log = BufReader::new(self.child.stderr.as_mut().unwrap()).lines().map(Result::unwrap);
        log.find(|line| line.contains(words)).unwrap_or_else(|| panic!("it never says: {words}"))
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self) -> ExitStatus {
        self.end()
    }

    /// The same, for who wants to know more of it.
    pub(crate) fn end(&mut self) -> ExitStatus {
        wait(&mut self.child)
    }

    /// A connection to it.
    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.addr).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Sends exactly these lines, closes, and answers everything that comes back.
    pub(crate) fn exchange(&self, lines: &[&str]) -> String {
        let mut stream = self.connect();
        let head = [lines, &["connection: close", "", ""]].concat().join("\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// The status that these lines are answered with.
    pub(crate) fn status(&self, lines: &[&str]) -> u16 {
        let answer = self.exchange(lines);
        answer.split(' ').nth(1).unwrap_or_else(|| panic!("no answer to {lines:?}")).parse().unwrap()
    }
}

impl Drop for Milepost {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A running worker. Killed when dropped.
pub(crate) struct Worker(Child);

impl Worker {
    /// One on `data`, once it works.
    pub(crate) fn start_in(data: &Path, arguments: &[&str]) -> Self {
        Self::spawn_in(data, arguments).ready()
    }

    /// One on `data`, which may have to wait for its server.
    pub(crate) fn spawn_in(data: &Path, arguments: &[&str]) -> Self {
        let mut command = command();
        command.args(["worker", "--data-dir"]).arg(data).args(arguments);
        Self::spawn(command)
    }

    /// The one that `command` starts.
    pub(crate) fn spawn(mut command: Command) -> Self {
        Self(command.spawn().unwrap())
    }

    /// Waits for the line that says that it works.
    pub(crate) fn ready(mut self) -> Self {
        // Nothing comes before it, but where a test is the program.
        let mut lines = BufReader::new(self.0.stdout.as_mut().unwrap()).lines().map_while(Result::ok);
        if !lines.any(|line| line.contains("working on ")) {
            self.0.kill().unwrap();
            let mut said = String::new();
            self.0.stderr.as_mut().unwrap().read_to_string(&mut said).unwrap();
            panic!("the worker did not start; it said: {said}");
        }
        self
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Sends a signal, by its name without `SIG`.
    pub(crate) fn signal(&self, name: &str) {
        signal(self.pid(), name);
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self) -> ExitStatus {
        self.end()
    }

    /// The same, for who wants to know more of it.
    pub(crate) fn end(&mut self) -> ExitStatus {
        wait(&mut self.0)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The link in the file that this line names.
pub(crate) fn setup_link(line: &str) -> String {
    let file = line.trim_end().strip_prefix("set up the first administrator with the link in ").unwrap();
    fs::read_to_string(file).unwrap().trim_end().to_owned()
}

/// Says that a promise is not put to the test here: past what the test runner keeps for itself.
pub(crate) fn skipped(why: &str) {
    std::io::stderr().lock().write_all(format!("SKIPPED: {why}\n").as_bytes()).unwrap();
}

/// Sends a process a signal, by its name without `SIG`.
pub(crate) fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill").args(["-s", name, &pid.to_string()]).status().unwrap();
    assert!(sent.success());
}

fn wait(child: &mut Child) -> ExitStatus {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(begun.elapsed() < PATIENCE, "it does not end");
        std::thread::yield_now();
    }
}
