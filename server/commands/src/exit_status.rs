//! Exit status: turns the end of a program into the result or error of its job.

use std::{os::unix::process::ExitStatusExt, process::ExitStatus, sync::LazyLock};

use engine::{Code, Fault, TaskError};
use model::bytes;
use serde_json::{Value, json};

use crate::{limits::LimitExceeded, output::Output, table::Table};

/// How a program ended.
pub(crate) struct Exit {
    /// Whether it had been asked to stop.
    pub(crate) cancelled: bool,
    /// The limit for which it was killed.
    pub(crate) exceeded: Option<LimitExceeded>,
    pub(crate) status: ExitStatus,
}

/// Error codes of exit codes and signals, interned once.
static EXIT_CODES: LazyLock<Vec<Code>> =
    LazyLock::new(|| (0..=255).map(|code| Code::declared(&format!("exit_{code}"))).collect());
static SIGNAL_CODES: LazyLock<Vec<Code>> =
    LazyLock::new(|| (0..=64).map(|signal| Code::declared(&signal_code(signal))).collect());

/// Returns the result or error of the job. A program that was asked to stop is cancelled, whatever its exit status.
pub(crate) fn into_result(table: &Table, exit: Exit, output: &Output) -> Result<Value, TaskError> {
    if exit.cancelled {
        return Err(TaskError::Cancelled);
    }
    let program = &table.program;
    let failed = |code: Code, message: String| {
        let fault = Fault { code, message, trace: output.last_lines() };
        if table.retries > 0 { TaskError::Retry(fault) } else { TaskError::Fatal(fault) }
    };
    match exit.exceeded {
        Some(LimitExceeded::Processes(count)) => {
            let most = table.processes;
            let message =
                format!("{program} had {count} processes at once, and may have {most} (`processes`); they were ended");
            return Err(failed(Code::new("too_many_processes"), message));
        }
        Some(LimitExceeded::Memory(used)) => {
            let (used, most) = (bytes(used), bytes(table.memory.unwrap_or_default()));
            let message = format!("{program} had {used} in memory, and may have {most} (`memory`); it was ended");
            return Err(failed(Code::new("too_much_memory"), message));
        }
        None => {}
    }
    let last_line = output.significant_line().map_or_else(String::new, |line| format!(": {}", truncated(line)));
    if let Some(signal) = exit.status.signal() {
        let code = SIGNAL_CODES.get(signal as usize).copied().unwrap_or(SIGNAL_CODES[0]);
        return Err(failed(code, format!("{program} was ended by {}{last_line}", signal_name(signal))));
    }
    let code = exit.status.code().unwrap_or_default();
    if code != 0 {
        let error = EXIT_CODES.get(code as usize).copied().unwrap_or(EXIT_CODES[255]);
        return Err(failed(error, format!("{program} ended with exit code {code}{last_line}")));
    }
    if let Some(reported) = output.reported_result()
        && let Some(error) = &reported.error
    {
        let description = if reported.description.is_empty() { "without a word" } else { &reported.description };
        return Err(failed(Code::new("reported"), format!("{program} reported the error {error}: {description}")));
    }
    Ok(json!({ "exit_code": 0, "last_line": output.significant_line() }))
}

/// Returns `SIGTERM`, or `signal 34` for a signal without a name.
pub(crate) fn signal_name(signal: i32) -> String {
    let code = signal_code(signal);
    match code.strip_prefix("signal_") {
        Some(name) if name.starts_with(|first: char| first.is_ascii_lowercase()) => {
            format!("SIG{}", name.to_uppercase())
        }
        _ => format!("signal {signal}"),
    }
}

/// Returns the error code `signal_term`, or `signal_34`. Numbers of Linux; other systems differ in 7, 10, 12 and beyond
/// 15.
fn signal_code(signal: i32) -> String {
    let name = match signal {
        1 => "hup",
        2 => "int",
        3 => "quit",
        4 => "ill",
        5 => "trap",
        6 => "abrt",
        7 => "bus",
        8 => "fpe",
        9 => "kill",
        10 => "usr1",
        11 => "segv",
        12 => "usr2",
        13 => "pipe",
        14 => "alrm",
        15 => "term",
        24 => "xcpu",
        25 => "xfsz",
        31 => "sys",
        _ => return format!("signal_{signal}"),
    };
    format!("signal_{name}")
}

/// Truncates a line for an error message.
fn truncated(line: &str) -> String {
    const MAX_LENGTH: usize = 300;
    let line = line.trim();
    let cut = line.floor_char_boundary(MAX_LENGTH);
    if cut < line.len() { format!("{}…", &line[..cut]) } else { line.to_owned() }
}
