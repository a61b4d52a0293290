//! What a run needs to report, made before its program is started: identity, spool, journal. Nothing here waits for
//! the network.

use std::{
    env, fs,
    sync::Arc,
    time::{Duration, Instant},
};

use wire::{Start, limits::TITLE_CHARS};

use super::{flags::RunFlags, report_file::ReportFile};
use crate::{
    AGENT,
    api::Api,
    clock::Clock,
    config::Config,
    ids,
    journal::Journal,
    mask::Mask,
    message,
    queue::Queue,
    report::{OnCancel, OnReached, Reporter},
    spool::{DiskQueue, Head, SpoolDirectory, UnreachableNote},
};

/// The parts of a run that are reported.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) head: Head,
    pub(crate) journal: Arc<Journal>,
    pub(crate) mask: Arc<Mask>,
    /// Missing if the configured certificates cannot be read.
    pub(crate) api: Option<Arc<Api>>,
    pub(crate) spool: Option<SpoolDirectory>,
    pub(crate) report_file: Option<ReportFile>,
    /// Whether a client noted within the last minute that the server cannot be reached.
    pub(crate) is_unreachable: bool,
}

impl Setup {
    /// Prepares the reports; nothing without a server.
    pub(crate) fn new(flags: &RunFlags, config: &Config) -> Option<Self> {
        let Some(server) = config.server.clone() else {
            message::print("not reported: no server (MILEPOST_URL)");
            return None;
        };
        let mask = Arc::new(Mask::from_environment(&flags.masks, config.token.read().as_deref()));
        let clock = Clock::start();
        let head = Head {
            server,
            kind: flags.kind(),
            run: flags.run.clone().unwrap_or_else(ids::run_id),
            reporter: ids::reporter(),
            heartbeat: flags.heartbeat.as_secs(),
            start: start_entry(flags, &clock, &mask),
            host_boot_id: boot_id(),
        };
        let spool = flags.spools.then(|| SpoolDirectory::open(&config.spool)).and_then(|spool| {
            spool.inspect_err(|error| message::print(&format!("no spool: {}: {error}", config.spool.display()))).ok()
        });
        let disk = spool.as_ref().and_then(|spool| {
            let disk = spool.create(&head).and_then(DiskQueue::open);
            disk.inspect_err(|error| message::print(&format!("no spool: {error}"))).ok()
        });
        let report_path = disk.as_ref().map_or_else(
            || env::temp_dir().join(format!("milepost-{}.report", head.reporter)),
            |disk| disk.files().path("report"),
        );
        let journal = Arc::new(Journal::new(Queue::new(disk, flags.spool_limit), clock));
        journal.start(head.start.clone());
        journal.sync();
        let api = Api::new(config, &head.server).inspect_err(|error| message::print(&format!("not reported: {error}")));
        let is_unreachable = spool.as_ref().is_some_and(|spool| UnreachableNote::new(spool, &head.server).is_set());
        Some(Self {
            report_file: ReportFile::create(&report_path).ok(),
            api: api.ok().map(Arc::new),
            head,
            journal,
            mask,
            spool,
            is_unreachable,
        })
    }

    /// Returns the thread that reports, not yet started.
    pub(crate) fn reporter(&self, api: Arc<Api>, on_cancel: OnCancel, on_reached: Option<OnReached>) -> Reporter {
        Reporter {
            api,
            journal: self.journal.clone(),
            head: self.head.clone(),
            note: self.note(),
            on_cancel,
            on_reached: Some(on_reached.unwrap_or_else(|| Box::new(|_| {}))),
        }
    }

    /// Returns how long the end of the run waits for the server.
    pub(crate) fn patience(&self, deliver: Duration) -> Duration {
        super::patience(deliver, self.is_unreachable && !self.journal.link().reached)
    }

    /// Waits for the delivery. What is not delivered stays in the spool, or is lost without one.
    pub(crate) fn close(&self, deadline: Instant) -> bool {
        let delivered = self.journal.wait_for_delivery(deadline);
        let link = self.journal.link();
        if delivered {
            self.journal.remove();
        } else if !link.reached
            && link.refused.is_none()
            && let Some(note) = self.note()
        {
            note.set();
        }
        delivered
    }

    fn note(&self) -> Option<UnreachableNote> {
        self.spool.as_ref().map(|spool| UnreachableNote::new(spool, &self.head.server))
    }
}

/// Returns the name of this machine.
pub(crate) fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

fn start_entry(flags: &RunFlags, clock: &Clock, mask: &Mask) -> Start {
    let title = match (&flags.title, flags.show_command) {
        (Some(title), _) => title.clone(),
        (None, true) => flags.command.iter().map(|arg| arg.to_string_lossy()).collect::<Vec<_>>().join(" "),
        (None, false) => String::new(),
    };
    let variable = |name| env::var(name).unwrap_or_default();
    Start {
        at: Some(clock.now()),
        title: mask.text(&title).chars().take(TITLE_CHARS).collect(),
        host: host(),
        user: variable("USER"),
        pid: Some(std::process::id()),
        program: flags.program(),
        agent: AGENT.to_owned(),
        link: flags.link.clone().unwrap_or_default(),
        parent: variable("MILEPOST_JOB"),
        trace: variable("TRACEPARENT"),
        timeout: flags.timeout.map(|timeout| timeout.as_secs_f64().ceil() as u64),
        ..Start::default()
    }
}

fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}
