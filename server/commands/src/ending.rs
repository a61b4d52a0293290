//! What the end of a program means for its job.

use std::{os::unix::process::ExitStatusExt, process::ExitStatus, sync::LazyLock};

use engine::{Code, Fault, TaskError};
use model::bytes;
use serde_json::{Value, json};

use crate::{output::Output, table::Table, watching::Excess};

/// How a program came to its end.
pub(crate) struct End {
    /// It had been asked to stop.
    pub(crate) was_asked: bool,
    /// It was ended because of this.
    pub(crate) excess: Option<Excess>,
    pub(crate) status: ExitStatus,
}

/// The words for exit codes and signals, each made once.
static EXITS: LazyLock<Vec<Code>> =
    LazyLock::new(|| (0..=255).map(|code| Code::declared(&format!("exit_{code}"))).collect());
static SIGNALS: LazyLock<Vec<Code>> =
    LazyLock::new(|| (0..=64).map(|signal| Code::declared(&word_of(signal))).collect());

/// The result, or the error. A program that was asked to stop and did has not done its work, whatever it says.
pub(crate) fn judge(table: &Table, end: End, output: &Output) -> Result<Value, TaskError> {
    if end.was_asked {
        return Err(TaskError::Cancelled);
    }
    let program = &table.program;
    let failed = |code: Code, message: String| {
        let fault = Fault { code, message, trace: output.last_lines() };
        if table.retries > 0 { TaskError::Retry(fault) } else { TaskError::Fatal(fault) }
    };
    match end.excess {
        Some(Excess::Processes(count)) => {
            let most = table.processes;
            let message =
                format!("{program} had {count} processes at once, and may have {most} (`processes`); they were ended");
            return Err(failed(Code::new("too_many_processes"), message));
        }
        Some(Excess::Memory(used)) => {
            let (used, most) = (bytes(used), bytes(table.memory.unwrap_or_default()));
            let message = format!("{program} had {used} in memory, and may have {most} (`memory`); it was ended");
            return Err(failed(Code::new("too_much_memory"), message));
        }
        None => {}
    }
    let said = output.last_word().map_or_else(String::new, |line| format!(": {}", shortened(line)));
    if let Some(signal) = end.status.signal() {
        let code = SIGNALS.get(signal as usize).copied().unwrap_or(SIGNALS[0]);
        return Err(failed(code, format!("{program} was ended by {}{said}", name_of(signal))));
    }
    let code = end.status.code().unwrap_or_default();
    if code != 0 {
        let word = EXITS.get(code as usize).copied().unwrap_or(EXITS[255]);
        return Err(failed(word, format!("{program} ended with exit code {code}{said}")));
    }
    if let Some(verdict) = output.verdict()
        && let Some(error) = &verdict.error
    {
        let description = if verdict.description.is_empty() { "without a word" } else { &verdict.description };
        return Err(failed(Code::new("reported"), format!("{program} reported the error {error}: {description}")));
    }
    Ok(json!({ "exit_code": 0, "last_line": output.last_word() }))
}

/// `SIGTERM`, or `signal 34` where it has no name.
pub(crate) fn name_of(signal: i32) -> String {
    let word = word_of(signal);
    match word.strip_prefix("signal_") {
        Some(name) if name.starts_with(|first: char| first.is_ascii_lowercase()) => {
            format!("SIG{}", name.to_uppercase())
        }
        _ => format!("signal {signal}"),
    }
}

/// `signal_term`, or `signal_34`. The numbers are those of Linux; the first fifteen are so everywhere, but for 7, 10 and 12.
fn word_of(signal: i32) -> String {
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

/// As much of a line as a sentence bears.
fn shortened(line: &str) -> String {
    const LENGTH: usize = 300;
    let line = line.trim();
    let cut = line.floor_char_boundary(LENGTH);
    if cut < line.len() { format!("{}…", &line[..cut]) } else { line.to_owned() }
}
