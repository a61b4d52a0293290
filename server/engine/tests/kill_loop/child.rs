//! Child process: starts a worker, reads its reports, suspends and kills it.

use std::{
    env,
    io::{BufRead, BufReader},
    os::unix::process::ExitStatusExt,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use rand::{Rng, rngs::StdRng};

use crate::{TIMEOUT, report::Report, worker::WorkerConfig};

/// The number of SIGKILL.
const SIGKILL: i32 = 9;

/// When a child is killed.
#[derive(Debug)]
pub(crate) enum KillTime {
    /// After the start of its process: while it opens, migrates and recovers the database.
    Start(Duration),
    /// After it has become ready.
    Ready(Duration),
    /// After a number of reports.
    Reports(usize),
}

impl KillTime {
    /// Draws a random one; `processes` share the load.
    pub(crate) fn choose(rng: &mut StdRng, processes: u32) -> Self {
        match rng.random_range(0..10) {
            0..3 => Self::Start(Duration::from_micros(rng.random_range(0..60_000))),
            3..7 => Self::Ready(Duration::from_micros(rng.random_range(0..120_000))),
            _ => Self::Reports(rng.random_range(1..200 / processes as usize)),
        }
    }
}

/// A worker process.
pub(crate) struct ChildProcess {
    /// Its number in the scenario.
    pub(crate) number: u32,
    pub(crate) joins: bool,
    process: Child,
    /// Lines of its stderr.
    lines: Receiver<String>,
    reports: Vec<Report>,
    /// Lines that are not reports, such as a panic.
    other_output: String,
}

impl ChildProcess {
    pub(crate) fn start(config: &WorkerConfig) -> Self {
        let program = env::current_exe().expect("this program");
        let mut command = Command::new(program);
        command.args(["worker::child_process_with_running_job", "--exact", "--ignored", "--nocapture"]);
        config.set_env(&mut command);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut process = command.spawn().expect("it begins");
        let stderr = BufReader::new(process.stderr.take().expect("it is piped"));
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in stderr.split(b'\n').map_while(Result::ok) {
                let _ = sender.send(String::from_utf8_lossy(&line).into_owned());
            }
        });
        let WorkerConfig { number, joins, .. } = *config;
        Self { number, joins, process, lines, reports: Vec::new(), other_output: String::new() }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Sends a signal, named without `SIG`.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.pid().to_string()]).status();
        assert!(sent.expect("there is a program of that name").success());
    }

    /// Waits until it is ready.
    pub(crate) fn wait_until_ready(&mut self) {
        let ready = |reports: &Report| matches!(reports, Report::Ready { .. });
        if !self.reports.iter().any(ready) {
            self.read_reports_until(ready);
        }
    }

    /// Waits for the time to kill it.
    pub(crate) fn wait_for(&mut self, time: &KillTime) {
        match *time {
            KillTime::Start(pause) => thread::sleep(pause),
            KillTime::Ready(pause) => {
                self.wait_until_ready();
                thread::sleep(pause);
            }
            KillTime::Reports(count) => {
                let mut left = count;
                self.read_reports_until(|_| {
                    left -= 1;
                    left == 0
                });
            }
        }
    }

    fn read_reports_until(&mut self, mut enough: impl FnMut(&Report) -> bool) {
        let patient_until = Instant::now() + TIMEOUT;
        loop {
            match self.lines.recv_timeout(patient_until.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    if self.note(&line) && self.reports.last().is_some_and(&mut enough) {
                        return;
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {
                    let _ = self.process.kill();
                    panic!(
                        "child {} sends no more reports; it sent {:?} {}",
                        self.number, self.reports, self.other_output
                    );
                }
            }
        }
    }

    /// Records a line. Returns whether it is a complete report.
    fn note(&mut self, line: &str) -> bool {
        if let Some(reports) = Report::read(line) {
            self.reports.push(reports);
            return true;
        }
        // The last line may be incomplete.
        if !Report::is_report(line) {
            self.other_output.push_str(line);
            self.other_output.push('\n');
        }
        false
    }

    /// Kills it and returns its reports.
    pub(crate) fn kill(mut self) -> Vec<Report> {
        let _ = self.process.kill();
        let status = self.process.wait().expect("it is our child");
        self.read_reports_until(|_| false);
        let killed = status.signal() == Some(SIGKILL) && self.other_output.is_empty();
        assert!(killed, "the child died by itself: {status}\n{}", self.other_output);
        self.reports
    }

    /// Waits until it exits by itself and returns its reports.
    pub(crate) fn wait_for_exit(mut self) -> Vec<Report> {
        self.read_reports_until(|_| false);
        let status = self.process.wait().expect("it is our child");
        assert!(
            status.success() && self.other_output.is_empty(),
            "it did not end well: {status}\n{}",
            self.other_output
        );
        self.reports
    }
}
