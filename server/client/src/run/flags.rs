//! Flags of `milepost run`.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use lexopt::{Arg, Parser, ValueExt as _};
use output_parser::Format;
use rustix::process::Signal;

use crate::{error::ClientError, units};

/// What the command line of `run` says.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct RunFlags {
    pub(crate) title: Option<String>,
    pub(crate) kind: Option<String>,
    pub(crate) run: Option<String>,
    pub(crate) server: Option<String>,
    pub(crate) token_file: Option<PathBuf>,
    pub(crate) progress: Format,
    pub(crate) output: OutputMode,
    pub(crate) timeout: Option<Duration>,
    pub(crate) grace: Option<Duration>,
    pub(crate) signal: Signal,
    pub(crate) heartbeat: Duration,
    pub(crate) artifacts: Vec<String>,
    pub(crate) result: Option<PathBuf>,
    pub(crate) link: Option<String>,
    pub(crate) masks: Vec<String>,
    pub(crate) unique: Option<String>,
    pub(crate) if_busy: IfBusy,
    pub(crate) if_unreachable: IfUnreachable,
    pub(crate) strict: bool,
    pub(crate) deliver: Duration,
    pub(crate) spools: bool,
    pub(crate) spool_limit: u64,
    pub(crate) show_command: bool,
    pub(crate) pass_token: bool,
    pub(crate) verbose: bool,
    /// The program and its arguments.
    pub(crate) command: Vec<OsString>,
}

/// What is printed of the output of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OutputMode {
    /// Everything, at once.
    Forward,
    /// Everything at the end, if the program fails.
    OnFailure,
    /// Nothing.
    Nothing,
}

/// What to do while another run has the key of `--unique`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IfBusy {
    Skip,
    Wait,
    Fail,
}

/// What to do if the server cannot be asked for the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IfUnreachable {
    Run,
    Skip,
}

impl Default for RunFlags {
    fn default() -> Self {
        Self {
            title: None,
            kind: None,
            run: None,
            server: None,
            token_file: None,
            progress: Format::Auto,
            output: OutputMode::Forward,
            timeout: None,
            grace: None,
            signal: Signal::TERM,
            heartbeat: Duration::from_secs(10),
            artifacts: Vec::new(),
            result: None,
            link: None,
            masks: Vec::new(),
            unique: None,
            if_busy: IfBusy::Skip,
            if_unreachable: IfUnreachable::Run,
            strict: false,
            deliver: Duration::from_secs(5),
            spools: true,
            spool_limit: 256 << 20,
            show_command: false,
            pass_token: false,
            verbose: false,
            command: Vec::new(),
        }
    }
}

impl RunFlags {
    /// Parses the arguments after `run`.
    pub(crate) fn parse(parser: &mut Parser) -> Result<Self, ClientError> {
        let mut flags = Self::default();
        while let Some(arg) = parser.next()? {
            match arg {
                Arg::Long("title") => flags.title = Some(text(parser)?),
                Arg::Long("kind") => flags.kind = Some(checked(parser, "kind", wire::is_kind)?),
                Arg::Long("run") => flags.run = Some(checked(parser, "run", wire::is_run)?),
                Arg::Long("server") => flags.server = Some(text(parser)?),
                Arg::Long("token-file") => flags.token_file = Some(parser.value()?.into()),
                Arg::Long("progress") => flags.progress = word(parser, "progress", Format::from_word)?,
                Arg::Long("quiet") | Arg::Short('q') => flags.output = OutputMode::OnFailure,
                Arg::Long("silent") => flags.output = OutputMode::Nothing,
                Arg::Long("timeout") => flags.timeout = Some(duration(parser)?),
                Arg::Long("grace") => flags.grace = Some(duration(parser)?),
                Arg::Long("signal") => flags.signal = word(parser, "signal", stop_signal)?,
                Arg::Long("heartbeat") => flags.heartbeat = heartbeat(parser)?,
                Arg::Long("artifact") => flags.artifacts.push(text(parser)?),
                Arg::Long("result") => flags.result = Some(parser.value()?.into()),
                Arg::Long("link") => flags.link = Some(text(parser)?),
                Arg::Long("mask") => flags.masks.push(text(parser)?),
                Arg::Long("unique") => flags.unique = Some(text(parser)?),
                Arg::Long("if-busy") => flags.if_busy = word(parser, "if-busy", if_busy)?,
                Arg::Long("if-unreachable") => flags.if_unreachable = word(parser, "if-unreachable", if_unreachable)?,
                Arg::Long("strict") => flags.strict = true,
                Arg::Long("deliver") => flags.deliver = duration(parser)?,
                Arg::Long("no-spool") => flags.spools = false,
                Arg::Long("spool-limit") => {
                    flags.spool_limit = units::size(&text(parser)?).map_err(ClientError::Usage)?;
                }
                Arg::Long("show-command") => flags.show_command = true,
                Arg::Long("pass-token") => flags.pass_token = true,
                Arg::Long("verbose") | Arg::Short('v') => flags.verbose = true,
                Arg::Value(program) => {
                    flags.command.push(program);
                    flags.command.extend(parser.raw_args()?);
                }
                Arg::Short(_) | Arg::Long(_) => return Err(arg.unexpected().into()),
            }
        }
        if flags.command.is_empty() {
            return Err(ClientError::Usage("no program: milepost run [FLAGS] -- CMD ARGS...".to_owned()));
        }
        Ok(flags)
    }

    /// Returns the kind: by default the file name of the program, in the characters that a kind can have.
    pub(crate) fn kind(&self) -> String {
        self.kind.clone().unwrap_or_else(|| kind_of(&self.program()))
    }

    /// Returns the file name of the program.
    pub(crate) fn program(&self) -> String {
        let path = PathBuf::from(self.command.first().cloned().unwrap_or_default());
        path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
    }
}

fn kind_of(program: &str) -> String {
    let name: String =
        program.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    let name = name.trim_matches('-');
    let name: String = name.chars().take(40).collect();
    if wire::is_kind(&name) { name } else { "command".to_owned() }
}

fn text(parser: &mut Parser) -> Result<String, ClientError> {
    Ok(parser.value()?.string()?)
}

fn duration(parser: &mut Parser) -> Result<Duration, ClientError> {
    units::duration(&text(parser)?).map_err(ClientError::Usage)
}

fn heartbeat(parser: &mut Parser) -> Result<Duration, ClientError> {
    let (shortest, longest) = wire::limits::HEARTBEAT;
    let heartbeat = duration(parser)?;
    if (shortest..=longest).contains(&heartbeat.as_secs()) {
        return Ok(heartbeat);
    }
    Err(ClientError::Usage(format!("--heartbeat is {shortest} s to 24 h")))
}

fn checked(parser: &mut Parser, flag: &str, is_valid: fn(&str) -> bool) -> Result<String, ClientError> {
    word(parser, flag, |word| is_valid(word).then(|| word.to_owned()))
}

fn word<T>(parser: &mut Parser, flag: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, ClientError> {
    let word = text(parser)?;
    parse(&word).ok_or_else(|| ClientError::Usage(format!("--{flag} cannot be `{word}`")))
}

fn stop_signal(word: &str) -> Option<Signal> {
    match word.strip_prefix("SIG").unwrap_or(word) {
        "TERM" => Some(Signal::TERM),
        "INT" => Some(Signal::INT),
        "HUP" => Some(Signal::HUP),
        "QUIT" => Some(Signal::QUIT),
        _ => None,
    }
}

fn if_busy(word: &str) -> Option<IfBusy> {
    match word {
        "skip" => Some(IfBusy::Skip),
        "wait" => Some(IfBusy::Wait),
        "fail" => Some(IfBusy::Fail),
        _ => None,
    }
}

fn if_unreachable(word: &str) -> Option<IfUnreachable> {
    match word {
        "run" => Some(IfUnreachable::Run),
        "skip" => Some(IfUnreachable::Skip),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_is_the_file_name_in_allowed_characters() {
        assert_eq!(kind_of("Nightly_backup.sh"), "nightly-backup-sh");
        assert_eq!(kind_of("[").as_str(), "command");
        assert!(wire::is_kind(&kind_of(&"x".repeat(100))));
    }
}
