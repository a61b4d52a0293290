//! Everything beside a running program: the reporter, the report file, time limits, syncs, uploads, and the delivery of
//! what earlier clients left behind.

use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use output_parser::ReportedResult;
use serde_json::Value;
use wire::{Finish, ReportedState, limits::RESULT_BYTES};

use super::{flags::RunFlags, output::cut_message, program::Program, report_file::ReportFile, setup::Setup};
use crate::{
    api::Api,
    config::Config,
    mask::Mask,
    message,
    report::{OnReached, Uploads},
    spool::{SpoolDirectory, deliver},
};

/// The time between two looks at the report file and the time limit.
const TICK: Duration = Duration::from_millis(250);
/// The same while a program is being stopped.
const TICK_OF_GRACE: Duration = Duration::from_millis(50);
/// The time between two syncs of the spool.
const SYNC_EVERY: Duration = Duration::from_secs(5);
/// The time for one abandoned run.
const BACKLOG: Duration = Duration::from_mins(1);

/// Supervises one run.
pub(crate) struct Supervisor {
    setup: Setup,
    uploads: Option<Arc<Uploads>>,
    report_file: Arc<Mutex<Option<ReportFile>>>,
    over: Arc<AtomicBool>,
    backlog: mpsc::Receiver<()>,
    artifacts: Vec<String>,
    result: Option<PathBuf>,
    deliver: Duration,
}

impl Supervisor {
    /// Starts the threads. Without a server only the time limit is supervised.
    pub(crate) fn start(
        flags: &RunFlags,
        config: &Config,
        setup: Option<Setup>,
        program: Arc<Program>,
    ) -> Option<Self> {
        let over = Arc::new(AtomicBool::new(false));
        let Some(mut setup) = setup else {
            watch(flags.timeout, program, over, || {});
            return None;
        };
        let (backlog_ended, backlog) = mpsc::channel();
        let uploads = setup.api.clone().map(|api| Arc::new(Uploads::start(api, setup.journal.clone(), &setup.head)));
        let report_file = Arc::new(Mutex::new(setup.report_file.take()));
        if let Some(api) = setup.api.clone() {
            let on_reached = on_reached(config, &setup, api.clone(), backlog_ended);
            let program = program.clone();
            setup.reporter(api, Arc::new(move |cancel| program.cancel(cancel)), Some(on_reached)).start();
        } else {
            setup.journal.change_link(|link| link.stopped = true);
        }
        let (journal, mask) = (setup.journal.clone(), setup.mask.clone());
        let (file, queue) = (report_file.clone(), uploads.clone());
        let mut synced = Instant::now();
        watch(flags.timeout, program, over.clone(), move || {
            if let Some(file) = &mut *file.lock().unwrap_or_else(PoisonError::into_inner) {
                file.read(&journal, &mask, queue.as_deref());
            }
            if synced.elapsed() >= SYNC_EVERY {
                journal.sync();
                synced = Instant::now();
            }
        });
        let (artifacts, result) = (flags.artifacts.clone(), flags.result.clone());
        Some(Self { setup, uploads, report_file, over, backlog, artifacts, result, deliver: flags.deliver })
    }

    /// Reports the end, and waits for its delivery as long as `--deliver` allows.
    pub(crate) fn finish(self, mut finish: Finish, reported: Option<ReportedResult>, mask: &Mask) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(mut file) = self.report_file.lock().unwrap_or_else(PoisonError::into_inner).take() {
            file.read(&self.setup.journal, mask, self.uploads.as_deref());
        }
        let patience = self.setup.patience(self.deliver);
        self.upload(patience);
        if let Some(ReportedResult { error: Some(error), description }) = reported
            && finish.exit_code == Some(0)
            && finish.state.is_none()
        {
            finish.state = Some(ReportedState::Failed);
            let text = if description.is_empty() { error } else { format!("{error}: {description}") };
            finish.message = Some(cut_message(text));
        }
        finish.result = self.result.as_ref().and_then(|path| self.read_result(path, mask));
        let code = finish.exit_code;
        self.setup.journal.finish(finish);
        let deadline = Instant::now() + patience;
        let delivered = self.setup.close(deadline);
        if delivered {
            // Closed by the end of the thread.
            let _ = self.backlog.recv_timeout(deadline.saturating_duration_since(Instant::now()));
        }
        self.print_end(delivered, code);
    }

    fn upload(&self, patience: Duration) {
        let Some(uploads) = &self.uploads else { return };
        let mut paths = Vec::new();
        for pattern in &self.artifacts {
            let found: Vec<PathBuf> =
                glob::glob(pattern).into_iter().flatten().flatten().filter(|path| path.is_file()).collect();
            if found.is_empty() {
                self.setup.journal.note("warn", format!("No file matches --artifact {pattern}"));
            }
            paths.extend(found);
        }
        let time = patience + Uploads::longest_time(&paths);
        for path in paths {
            uploads.add(path);
        }
        if !uploads.finish(time) {
            self.setup.journal.note("warn", "Not all files are uploaded: the server is not reached in time");
        }
    }

    fn read_result(&self, path: &PathBuf, mask: &Mask) -> Option<Value> {
        let text = match fs::read_to_string(path) {
            Ok(text) if text.len() <= RESULT_BYTES / 2 => text,
            Ok(_) => {
                self.setup.journal.note("warn", format!("The result {} is too large", path.display()));
                return None;
            }
            Err(error) => {
                self.setup.journal.note("warn", format!("The result {} cannot be read: {error}", path.display()));
                return None;
            }
        };
        let text = mask.text(&text);
        Some(serde_json::from_str(&text).unwrap_or_else(|_| Value::String(text.trim_end().to_owned())))
    }

    fn print_end(&self, delivered: bool, code: Option<i32>) {
        let link = self.setup.journal.link();
        let end = code.map_or_else(|| "ended by a signal".to_owned(), |code| format!("exit code {code}"));
        let place = link.job.map_or_else(String::new, |job| format!("{}, ", address(&self.setup.head.server, job)));
        let problem = link.problem.map_or_else(String::new, |problem| format!(" ({problem})"));
        message::print(&match (delivered, link.refused) {
            (true, _) => format!("{place}{end}, reported"),
            (false, Some(reason)) => format!("{place}{end}, not all reported: {reason}"),
            (false, None) if self.setup.journal.is_on_disk() => {
                format!("{place}{end}, server not reached{problem}; `milepost spool send` reports it later")
            }
            (false, None) => format!("{place}{end}, server not reached{problem}, not reported"),
        });
    }
}

/// Looks after the program until it is `over`: time limit, grace, and whatever `tick` does.
fn watch(
    timeout: Option<Duration>,
    program: Arc<Program>,
    over: Arc<AtomicBool>,
    mut tick: impl FnMut() + Send + 'static,
) {
    let deadline = timeout.map(|timeout| (Instant::now() + timeout, timeout));
    let watch = move || {
        while !over.load(Ordering::Relaxed) {
            if let Some((deadline, timeout)) = deadline
                && Instant::now() >= deadline
            {
                program.time_out(timeout);
            }
            let in_grace = program.enforce_grace();
            tick();
            let longest = if in_grace { TICK_OF_GRACE } else { TICK };
            let left = deadline.map(|(deadline, _)| deadline.saturating_duration_since(Instant::now()));
            thread::sleep(left.filter(|left| !left.is_zero()).map_or(longest, |left| left.min(longest)));
        }
    };
    let _ = thread::Builder::new().name("watch".to_owned()).spawn(watch);
}

fn on_reached(config: &Config, setup: &Setup, api: Arc<Api>, ended: mpsc::Sender<()>) -> OnReached {
    let server = setup.head.server.clone();
    let spool = setup.spool.clone();
    debug_assert!(config.server.is_some());
    Box::new(move |status| {
        message::print(&address(&server, status.job));
        if let Some(spool) = spool {
            let _ = thread::Builder::new()
                .name("backlog".to_owned())
                .spawn(move || deliver_backlog(&spool, &api, &server, ended));
        }
    })
}

fn deliver_backlog(spool: &SpoolDirectory, api: &Api, server: &str, ended: mpsc::Sender<()>) {
    for (files, head) in spool.abandoned() {
        if head.server == server {
            let _ = deliver(api, files, &head, Instant::now() + BACKLOG);
        }
    }
    drop(ended);
}

fn address(server: &str, job: u64) -> String {
    format!("{server}/jobs/{job}")
}
