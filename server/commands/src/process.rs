//! The process of one attempt: starts the program, reads its output, stops it, and kills leftover processes.

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
    arguments::Arguments,
    exit_status::{self, Exit},
    limits::{self, LimitExceeded},
    output::Output,
    table::{Table, search_path},
    terminal::Terminal,
};

/// Shell script that waits for a line and then executes the program. If this process dies first, no line comes and the
/// program never starts; so its process group is always recorded before it runs. The script is constant: values of a
/// job are passed as arguments.
///
/// This process opens its own files close-on-exec; the script closes those that this process has inherited, as far as a
/// shell can name them. The line is read into a variable that no table can set.
const WAIT_THEN_EXEC: &str =
    "IFS= read -r MILEPOST_GO && exec </dev/null 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- && exec \"$@\"";

/// Variables that a program inherits from the server in addition to `PATH`.
const INHERITED_VARIABLES: [&str; 8] = ["HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR"];

/// Default terminal type: its colours are what the log can store.
const TERM: (&str, &str) = ("TERM", "xterm-256color");

/// The part of the grace period in which a program can stop by itself. In the rest it is killed and its last output is
/// read, before the engine drops the task.
const GRACE_SHARE: f64 = 0.9;

/// How long to read the output after all processes of the program are gone. If it is open longer, an unrelated process
/// holds it.
const READ_AFTER_EXIT: Duration = Duration::from_secs(1);

/// A running program.
pub(crate) struct RunningProcess {
    table: Arc<Table>,
    ctx: Ctx,
    child: Child,
    kill_guard: KillGuard,
    output: Output,
}

impl RunningProcess {
    /// Records the process group and starts the program in it.
    pub(crate) async fn start(table: Arc<Table>, arguments: Arguments, ctx: &Ctx) -> Result<Self, TaskError> {
        let folder = match &table.folder {
            Some(folder) => folder.clone(),
            None => ctx.scratch().await?,
        };
        let mark = ctx.mark();
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", WAIT_THEN_EXEC, "sh", &table.program])
            .args(&arguments.list)
            .env_clear()
            .env("PATH", search_path())
            .envs(INHERITED_VARIABLES.iter().filter_map(|name| Some((name, env::var_os(name)?))))
            .envs(table.terminal.then_some(TERM))
            .envs(arguments.variables)
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
        // Closes this process's copy of the terminal's other end; else reading it would never end.
        drop(command);
        let leader = child.id().unwrap_or_default();
        let started = processes::find(leader).map_or(0, |process| process.started);
        let kill_guard = KillGuard { group: Group { leader, started }, mark, exited_at: None, disarmed: false };
        let output = match (terminal, child.stdout.take(), child.stderr.take()) {
            (Some(terminal), ..) => Some(Output::of_terminal(table.progress, terminal)),
            (None, Some(out), Some(err)) => Some(Output::of_pipes(table.progress, out, err)),
            (None, ..) => None,
        };
        let (Some(mut stdin), Some(output)) = (child.stdin.take(), output) else {
            return Err(cannot_start(io::Error::other("it has no pipes")));
        };
        ctx.record_group(kill_guard.group).await?;
        // If the shell is dead already, its exit code shows it.
        let _ = stdin.write_all(b"\n").await;
        drop(stdin);
        Ok(Self { table, ctx: ctx.clone(), child, kill_guard, output })
    }

    /// Reads the output until the program ends, and enforces cancel and limits. Returns the result of the job.
    pub(crate) async fn wait(mut self) -> Result<Value, TaskError> {
        // A check may take longer than a read, so it continues across iterations.
        let mut limits =
            pin!(limits::until_exceeded(self.kill_guard.group, self.table.processes as usize, self.table.memory));
        // Set once the program was asked to stop: when to kill it.
        let mut deadline: Option<Instant> = None;
        let mut killed = false;
        let mut exceeded: Option<LimitExceeded> = None;
        let status = loop {
            let due = deadline.filter(|_| !killed);
            tokio::select! {
                status = self.child.wait() => break status,
                () = self.output.read(&self.ctx) => {}
                () = self.ctx.cancelled(), if deadline.is_none() => deadline = Some(self.request_stop()),
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    self.ctx.log(Level::Warn, "it did not stop in time; sent SIGKILL");
                    self.kill_guard.kill();
                    killed = true;
                }
                limit = &mut limits, if exceeded.is_none() => {
                    self.kill_guard.kill();
                    exceeded = Some(limit);
                }
            }
        };
        self.kill_guard.exited_at = Some(processes::now());
        self.clean_up().await;
        let exit = Exit { cancelled: deadline.is_some(), exceeded, status: status.map_err(wait_failed)? };
        exit_status::into_result(&self.table, exit, &self.output)
    }

    /// Sends the stop signal. Returns when to kill the program.
    fn request_stop(&self) -> Instant {
        let signal = self.table.signal;
        self.ctx.log(Level::Info, format!("sent {}", exit_status::signal_name(signal.as_raw())));
        processes::signal_group(self.kill_guard.group.leader, signal);
        Instant::now() + self.ctx.cancel_grace().mul_f64(GRACE_SHARE)
    }

    /// Kills leftover processes, reads the output to its end, and forgets the process group.
    async fn clean_up(&mut self) {
        let left = self.kill_leftovers().await;
        if left > 0 {
            let processes = if left == 1 { "1 process".to_owned() } else { format!("{left} processes") };
            self.ctx.log(Level::Warn, format!("ended {processes} that the program had left running"));
        }
        if timeout(READ_AFTER_EXIT, self.output.read_to_end(&self.ctx)).await.is_err() {
            self.ctx.log(Level::Warn, "another process keeps the output of the program open; reading stops");
        }
        self.output.finish(&self.ctx);
        self.ctx.forget_group(self.kill_guard.group).await;
    }

    /// Kills leftover processes and returns their number. On a busy machine this may outlast the grace period of a
    /// cancel, so the output is read at the same time.
    async fn kill_leftovers(&mut self) -> usize {
        let mut kill_all = pin!(self.kill_guard.kill_all());
        loop {
            tokio::select! {
                left = &mut kill_all => return left,
                () = self.output.read(&self.ctx) => {}
            }
        }
    }
}

fn wait_failed(error: io::Error) -> TaskError {
    TaskError::io("waiting for the program", &error)
}

/// Kills all processes of a program when it is dropped.
struct KillGuard {
    group: Group,
    mark: Mark,
    /// When the program exited, in ticks of the kernel. After that its process id may be reused if its group is empty.
    exited_at: Option<u64>,
    /// Set when no process is left.
    disarmed: bool,
}

impl KillGuard {
    /// Sends SIGKILL to the process group.
    fn kill(&self) {
        processes::signal_group(self.group.leader, Signal::KILL);
    }

    /// Kills all remaining processes, also those outside the group. Returns their number.
    async fn kill_all(&mut self) -> usize {
        let killed = spawn_blocking(self.killer()).await;
        self.disarmed = killed.is_ok();
        killed.unwrap_or_default()
    }

    /// The blocking work of [`KillGuard::kill_all`].
    fn killer(&self) -> impl FnOnce() -> usize + Send + use<> {
        let (group, mark, exited_at) = (self.group, self.mark.clone(), self.exited_at);
        move || {
            let in_group = match exited_at {
                Some(exited_at) => processes::end_rest_of_group(group.leader, exited_at),
                None => processes::end_group(group, &mark),
            };
            in_group + processes::end_marked(&mark)
        }
    }
}

impl Drop for KillGuard {
    fn drop(&mut self) {
        if self.disarmed {
            return;
        }
        if self.exited_at.is_none() {
            self.kill();
        }
        // Finding processes outside the group scans all processes, so it runs on a thread. If this process ends first,
        // the next start does it.
        if let Err(error) = thread::Builder::new().name("kill".to_owned()).spawn(self.killer()) {
            tracing::warn!(%error, "cannot look for what a program has left");
        }
    }
}
