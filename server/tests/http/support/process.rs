//! Processes under test: the built binary as a server, as a worker and as a command that ends by itself.

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

/// Longer than any step of a test takes: a test that waits this long has failed.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(20);

/// The built binary.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_milepost");

/// The mount point of the small disk, in the server's own mount namespace.
const SMALL_DISK: &str = "/mnt";

/// The binary, with an empty environment.
pub(crate) fn command() -> Command {
    clean_command(PROGRAM)
}

/// A program of the system, with nothing but `PATH` in its environment.
pub(crate) fn system_command(program: &str) -> Command {
    let mut command = clean_command(program);
    command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command
}

/// A program with an empty environment, without input, its output captured.
pub(crate) fn clean_command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Returns a page without the markers (`<!>`) that Leptos writes between nodes of erased types.
pub(crate) fn without_markers(html: &str) -> String {
    html.replace("<!>", "")
}

/// Runs the binary until it exits by itself.
pub(crate) fn run(arguments: &[&str]) -> Output {
    command().args(arguments).output().unwrap()
}

/// A running server. Killed when dropped.
pub(crate) struct ServerProcess {
    child: Child,
    /// Standard output, after the line with the address.
    stdout: BufReader<ChildStdout>,
    /// The address it listens on.
    pub(crate) addr: SocketAddr,
}

impl ServerProcess {
    /// Starts one without accounts on a new data directory.
    pub(crate) fn start() -> (Self, TempDir) {
        Self::start_with(&[])
    }

    pub(crate) fn start_with(arguments: &[&str]) -> (Self, TempDir) {
        let data = TempDir::new().unwrap();
        (Self::start_in(data.path(), arguments), data)
    }

    /// Starts one without accounts on `data`.
    pub(crate) fn start_in(data: &Path, arguments: &[&str]) -> Self {
        let mut command = command();
        command.args(["--addr", "127.0.0.1:0", "--no-auth", "--data-dir"]).arg(data).args(arguments);
        Self::spawn(command)
    }

    /// Starts one for a memory test: its allocator uses no huge pages, because one used byte makes a whole page count.
    pub(crate) fn start_for_memory_test() -> (Self, TempDir) {
        let data = TempDir::new().unwrap();
        let mut command = command();
        command.env("MIMALLOC_ALLOW_THP", "0");
        command.args(["--addr", "127.0.0.1:0", "--no-auth", "--data-dir"]).arg(data.path());
        (Self::spawn(command), data)
    }

    /// Starts one with accounts on `data`.
    pub(crate) fn with_accounts(data: &Path, arguments: &[&str]) -> Self {
        let mut command = command();
        command.args(["--addr", "127.0.0.1:0", "--data-dir"]).arg(data).args(arguments);
        Self::spawn(command)
    }

    /// The setup link for the first administrator, from the file that the server names on standard output.
    pub(crate) fn setup_link(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        read_setup_link(&line)
    }

    /// Starts one whose data directory is a small disk, visible here at [`ServerProcess::small_disk`]; `None` where the
    /// system does not permit mounts.
    pub(crate) fn start_on_small_disk(size: &str) -> Option<Self> {
        const MOUNT: &str = r#"mount -t tmpfs -o size="$1" tmpfs "$2" && shift 2 && exec "$@""#;
        let may_mount = Command::new("unshare").args(["-rm", "true"]).status().is_ok_and(|status| status.success());
        if !may_mount {
            return None;
        }
        let mut command = system_command("unshare");
        command.args(["-rm", "sh", "-c", MOUNT, "sh", size, SMALL_DISK]);
        command.args([PROGRAM, "--addr", "127.0.0.1:0", "--no-auth", "--data-dir", SMALL_DISK]);
        Some(Self::spawn(command))
    }

    /// The path of the small disk for this process.
    pub(crate) fn small_disk(&self) -> PathBuf {
        format!("/proc/{}/root{SMALL_DISK}", self.pid()).into()
    }

    /// Starts `command` and waits for the line with the address.
    pub(crate) fn spawn(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        // Only a test that runs as the program prints lines before it.
        let mut lines = stdout.by_ref().lines().map_while(Result::ok);
        let addr = lines.find_map(|line| Some(line.split_once("listening on http://")?.1.parse().unwrap()));
        let Some(addr) = addr else {
            child.kill().unwrap();
            let mut stderr = String::new();
            child.stderr.unwrap().read_to_string(&mut stderr).unwrap();
            panic!("the server did not start; its log: {stderr}");
        };
        Self { child, stdout, addr }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// CPU time used so far.
    pub(crate) fn cpu_time(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap();
        // The program name before it may contain any character.
        let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
        let ticks: u64 = fields[11..13].iter().map(|ticks| ticks.parse::<u64>().unwrap()).sum();
        // USER_HZ: 100 ticks a second.
        Duration::from_millis(ticks * 10)
    }

    /// Returns the resident memory in bytes and resets the peak to it.
    pub(crate) fn reset_peak_memory(&self) -> u64 {
        std::fs::write(format!("/proc/{}/clear_refs", self.pid()), "5").unwrap();
        self.memory("VmRSS")
    }

    /// The peak of the resident memory since the reset, bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        self.memory("VmHWM")
    }

    /// A field of `/proc/PID/status`, bytes.
    fn memory(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let kibibytes = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.strip_suffix(" kB"));
        kibibytes.unwrap().trim().parse::<u64>().unwrap() << 10
    }

    /// Sends a signal, by its name without `SIG`.
    pub(crate) fn signal(&self, name: &str) {
        signal(self.pid(), name);
    }

    /// Reads the log up to a line with this text.
    pub(crate) fn wait_for_log(&mut self, words: &str) {
        self.log_line_with(words);
    }

    /// Reads the log up to a line with this text; returns the line.
    pub(crate) fn log_line_with(&mut self, words: &str) -> String {
        let mut log = BufReader::new(self.child.stderr.as_mut().unwrap()).lines().map(Result::unwrap);
        log.find(|line| line.contains(words)).unwrap_or_else(|| panic!("no line of the log has: {words}"))
    }

    /// Waits until it exits.
    pub(crate) fn wait(mut self) -> ExitStatus {
        self.wait_for_exit()
    }

    /// [`Self::wait`] by reference.
    pub(crate) fn wait_for_exit(&mut self) -> ExitStatus {
        wait(&mut self.child)
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.addr).unwrap();
        stream.set_read_timeout(Some(TIMEOUT)).unwrap();
        stream
    }

    /// Sends these lines as the head of a request, with `connection: close`; returns the whole response.
    pub(crate) fn send_lines(&self, lines: &[&str]) -> String {
        let mut stream = self.connect();
        let head = [lines, &["connection: close", "", ""]].concat().join("\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut response = Vec::new();
        stream.read_to_end(&mut response).unwrap();
        String::from_utf8_lossy(&response).into_owned()
    }

    /// The status of the response to these lines.
    pub(crate) fn status(&self, lines: &[&str]) -> u16 {
        let response = self.send_lines(lines);
        response.split(' ').nth(1).unwrap_or_else(|| panic!("no answer to {lines:?}")).parse().unwrap()
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A running worker. Killed when dropped.
pub(crate) struct WorkerProcess(Child);

impl WorkerProcess {
    /// Starts one on `data` and waits until it is ready.
    pub(crate) fn start_in(data: &Path, arguments: &[&str]) -> Self {
        Self::spawn_in(data, arguments).ready()
    }

    /// Starts one on `data`, which may have to wait for its server.
    pub(crate) fn spawn_in(data: &Path, arguments: &[&str]) -> Self {
        let mut command = command();
        command.args(["worker", "--data-dir"]).arg(data).args(arguments);
        Self::spawn(command)
    }

    pub(crate) fn spawn(mut command: Command) -> Self {
        Self(command.spawn().unwrap())
    }

    /// Waits for the line that says that it is ready.
    pub(crate) fn ready(mut self) -> Self {
        // Only a test that runs as the program prints lines before it.
        let mut lines = BufReader::new(self.0.stdout.as_mut().unwrap()).lines().map_while(Result::ok);
        if !lines.any(|line| line.contains("working on ")) {
            self.0.kill().unwrap();
            let mut stderr = String::new();
            self.0.stderr.as_mut().unwrap().read_to_string(&mut stderr).unwrap();
            panic!("the worker did not start; its log: {stderr}");
        }
        self
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Sends a signal, by its name without `SIG`.
    pub(crate) fn signal(&self, name: &str) {
        signal(self.pid(), name);
    }

    /// Waits until it exits.
    pub(crate) fn wait(mut self) -> ExitStatus {
        self.wait_for_exit()
    }

    /// [`Self::wait`] by reference.
    pub(crate) fn wait_for_exit(&mut self) -> ExitStatus {
        wait(&mut self.0)
    }
}

impl Drop for WorkerProcess {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The setup link in the file that this line names.
pub(crate) fn read_setup_link(line: &str) -> String {
    let file = line.trim_end().strip_prefix("set up the first administrator with the link in ").unwrap();
    fs::read_to_string(file).unwrap().trim_end().to_owned()
}

/// Reports that this system cannot run a test, on the real standard error, which the test runner does not capture.
pub(crate) fn report_skipped(why: &str) {
    std::io::stderr().lock().write_all(format!("SKIPPED: {why}\n").as_bytes()).unwrap();
}

/// Sends a process a signal, by its name without `SIG`.
pub(crate) fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill").args(["-s", name, &pid.to_string()]).status().unwrap();
    assert!(sent.success());
}

fn wait(child: &mut Child) -> ExitStatus {
    let started_at = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(started_at.elapsed() < TIMEOUT, "it does not exit");
        std::thread::yield_now();
    }
}
