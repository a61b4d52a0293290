//! The course of one attempt: start the program, follow it, stop it where it should, and leave nothing of it.

use std::{env, io, pin::pin, process::Stdio, sync::Arc, thread, time::Duration};

use engine::{
    Ctx, TaskError,
    processes::{self, Group, Mark, Signal},
};
use model::Level;
use serde_json::Value;
use tokio::{
    io::AsyncWriteExt,
    process::{Child, Command},
    task::spawn_blocking,
    time::{Instant, sleep_until, timeout},
};

use crate::{
    ending::{self, End},
    filling::Filled,
    output::Output,
    table::{Table, usual_path},
    terminal::Terminal,
    watching::{self, Excess},
};

/// Becomes the program once a line comes; where none does, since this process has died, it never begins. So a program is
/// recorded before it can do anything. The text is always this one: what a job says comes behind it, as arguments.
///
/// What is open to this process was opened so that no program inherits it; what this process has itself inherited is closed,
/// as far as a shell can name it. The line is read into a name that no table can give a value, which would be overwritten.
const GATE: &str = "IFS= read -r MILEPOST_GO && exec </dev/null 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- && exec \"$@\"";

/// Variables that a program gets of the server's own beside `PATH`, if they are set.
const INHERITED: [&str; 8] = ["HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR"];

/// What the terminal of a program can do, where its table says nothing else: what the log keeps of it.
const TERM: (&str, &str) = ("TERM", "xterm-256color");

/// Which part of the grace of a cancel a program has to stop by itself. In the rest it is ended and its last words are read,
/// before the engine drops all that.
const GRACE: f64 = 0.9;

/// How long the outputs are read on when nothing of the program is left; longer than that only somebody else can hold them.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A program that runs.
pub(crate) struct Running {
    table: Arc<Table>,
    ctx: Ctx,
    child: Child,
    leash: Leash,
    output: Output,
}

impl Running {
    /// Starts it, recorded.
    pub(crate) async fn start(table: Arc<Table>, filled: Filled, ctx: &Ctx) -> Result<Self, TaskError> {
        let folder = match &table.folder {
            Some(folder) => folder.clone(),
            None => ctx.scratch().await?,
        };
        let mark = ctx.mark();
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", GATE, "sh", &table.program])
            .args(&filled.arguments)
            .env_clear()
            .env("PATH", usual_path())
            .envs(INHERITED.iter().filter_map(|name| Some((name, env::var_os(name)?))))
            .envs(table.terminal.then_some(TERM))
            .envs(filled.variables)
            .envs(mark.variables())
            .current_dir(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        let cannot_start = |error: io::Error| {
            let (program, folder) = (&table.program, folder.display());
            TaskError::retry("cannot_start", format!("{program} cannot be started in {folder}: {error}"))
                .caused_by(&error)
        };
        let terminal = if table.terminal {
            let (terminal, end) = Terminal::open().map_err(cannot_start)?;
            command.stdout(end.try_clone().map_err(cannot_start)?).stderr(end);
            Some(terminal)
        } else {
            None
        };
        let mut child = command.spawn().map_err(cannot_start)?;
        // With it goes what this process holds of the terminal's other end; else that would never come to its end.
        drop(command);
        let leader = child.id().unwrap_or_default();
        let started = processes::find(leader).map_or(0, |process| process.started);
        let leash = Leash { group: Group { leader, started }, mark, ended: None, let_go: false };
        let output = match (terminal, child.stdout.take(), child.stderr.take()) {
            (Some(terminal), ..) => Some(Output::of_terminal(table.progress, terminal)),
            (None, Some(out), Some(err)) => Some(Output::of_pipes(table.progress, out, err)),
            (None, ..) => None,
        };
        let (Some(mut gate), Some(output)) = (child.stdin.take(), output) else {
            return Err(cannot_start(io::Error::other("it has no pipes")));
        };
        ctx.record_group(leash.group).await?;
        // Where it has died before, its exit code says so.
        let _ = gate.write_all(b"\n").await;
        drop(gate);
        Ok(Self { table, ctx: ctx.clone(), child, leash, output })
    }

    /// Follows it to its end.
    pub(crate) async fn follow(mut self) -> Result<Value, TaskError> {
        // One look may take longer than it takes to read what comes next, so it goes on while that is done.
        let mut watching = pin!(watching::excess(self.leash.group, self.table.processes as usize, self.table.memory));
        // Once it was asked to stop: when it is ended.
        let mut deadline: Option<Instant> = None;
        let mut ended_by_us = false;
        let mut excess: Option<Excess> = None;
        let status = loop {
            let due = deadline.filter(|_| !ended_by_us);
            tokio::select! {
                status = self.child.wait() => break status,
                () = self.output.read(&self.ctx) => {}
                () = self.ctx.cancelled(), if deadline.is_none() => deadline = Some(self.ask()),
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    self.ctx.log(Level::Warn, "it did not stop in time; sent SIGKILL");
                    self.leash.kill();
                    ended_by_us = true;
                }
                found = &mut watching, if excess.is_none() => {
                    self.leash.kill();
                    excess = Some(found);
                }
            }
        };
        self.leash.ended = Some(processes::now());
        self.leave_nothing().await;
        let end = End { was_asked: deadline.is_some(), excess, status: status.map_err(not_waited)? };
        ending::judge(&self.table, end, &self.output)
    }

    /// Asks it to stop; answers when it is to be ended.
    fn ask(&self) -> Instant {
        let signal = self.table.signal;
        self.ctx.log(Level::Info, format!("sent {}", ending::name_of(signal.as_raw())));
        processes::signal_group(self.leash.group.leader, signal);
        Instant::now() + self.ctx.cancel_grace().mul_f64(GRACE)
    }

    /// Ends what the program has left, reads its outputs to their ends, and forgets the group.
    async fn leave_nothing(&mut self) {
        let left = self.sweep().await;
        if left > 0 {
            let processes = if left == 1 { "1 process".to_owned() } else { format!("{left} processes") };
            self.ctx.log(Level::Warn, format!("ended {processes} that the program had left running"));
        }
        if timeout(LAST_WORDS, self.output.read_to_end(&self.ctx)).await.is_err() {
            self.ctx.log(Level::Warn, "another process keeps the output of the program open; reading stops");
        }
        self.output.finish(&self.ctx);
        self.ctx.forget_group(self.leash.group).await;
    }

    /// Ends what the program has left, and answers how many processes that were. On a busy machine that takes so long that the
    /// grace of a cancel ends before it does, so the last words are read meanwhile.
    async fn sweep(&mut self) -> usize {
        let mut sweep = pin!(self.leash.sweep());
        loop {
            tokio::select! {
                left = &mut sweep => return left,
                () = self.output.read(&self.ctx) => {}
            }
        }
    }
}

fn not_waited(error: io::Error) -> TaskError {
    TaskError::io("waiting for the program", &error)
}

/// Holds the processes of a program: whoever drops it ends them.
struct Leash {
    group: Group,
    mark: Mark,
    /// When the program was over, in ticks of the kernel: from then on its number is another's, if none of its group is left.
    ended: Option<u64>,
    /// Set when nothing is left.
    let_go: bool,
}

impl Leash {
    /// Ends the group at once.
    fn kill(&self) {
        processes::signal_group(self.group.leader, Signal::KILL);
    }

    /// Ends all that is left, also what has left the group; answers how many processes that were.
    async fn sweep(&mut self) -> usize {
        let swept = spawn_blocking(self.sweeping()).await;
        self.let_go = swept.is_ok();
        swept.unwrap_or_default()
    }

    /// What [`Leash::sweep`] does.
    fn sweeping(&self) -> impl FnOnce() -> usize + Send + use<> {
        let (group, mark, ended) = (self.group, self.mark.clone(), self.ended);
        move || {
            let in_group = match ended {
                Some(ended) => processes::end_rest_of_group(group.leader, ended),
                None => processes::end_group(group, &mark),
            };
            in_group + processes::end_marked(&mark)
        }
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        if self.let_go {
            return;
        }
        if self.ended.is_none() {
            self.kill();
        }
        // What has left the group takes a look at all processes. Where this process ends before that is done, the next
        // one does it.
        if let Err(error) = thread::Builder::new().name("sweep".to_owned()).spawn(self.sweeping()) {
            tracing::warn!(%error, "cannot look for what a program has left");
        }
    }
}
