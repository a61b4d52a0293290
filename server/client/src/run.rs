//! `milepost run`: starts a program, forwards everything, and reports it.
//!
//! The program is started before any network call; only `--unique` and `--strict` ask the server first. Nothing that
//! fails afterwards changes what the program does or the exit code.

mod admission;
mod exit;
mod flags;
mod held_output;
mod output;
mod program;
mod report_file;
mod setup;
mod signals;
mod supervision;
mod terminal;

use std::{
    os::unix::process::CommandExt as _,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use lexopt::Parser;
use rustix::process::Pid;

use self::{
    admission::Admission,
    exit::{exit_code, finish},
    flags::{OutputMode, RunFlags},
    output::Output,
    program::{Program, StopCause},
    setup::Setup,
    supervision::Supervisor,
    terminal::Foreground,
};
use crate::{config::Config, error::ClientError, message};

/// Exit code of an error before the start of the program.
pub(crate) const CLIENT_ERROR: u8 = 125;

/// Runs a program. Returns the exit code.
pub(crate) fn run(parser: &mut Parser) -> Result<u8, ClientError> {
    let flags = RunFlags::parse(parser)?;
    if flags.verbose {
        message::set_verbose();
    }
    if flags.output == OutputMode::Nothing {
        message::set_silent();
    }
    let config = Config::read(flags.server.clone(), flags.token_file.clone());
    for warning in &config.warnings {
        message::print(warning);
    }
    Foreground::prepare();
    let setup = Setup::new(&flags, &config);
    let _key = match admission::admit(&flags, &config, setup.as_ref())? {
        Admission::Granted(key) => key,
        Admission::Refused(code) => {
            if let Some(setup) = setup {
                setup.journal.remove();
            }
            return Ok(code);
        }
    };
    // Caught from now on, so that none is lost between the start of the program and the first forwarding.
    let signals = signals::catch();
    let mut child = match start(&flags, &config, setup.as_ref()) {
        Ok(child) => child,
        Err(error) => return Ok(not_started(&flags, setup, &error)),
    };
    let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else { return Ok(CLIENT_ERROR) };
    let foreground = Foreground::lend(group);
    let journal = setup.as_ref().map(|setup| setup.journal.clone());
    let mask = setup.as_ref().map(|setup| setup.mask.clone()).unwrap_or_default();
    let program = Arc::new(Program::new(group, flags.signal, flags.grace, journal.clone()));
    if let Ok(signals) = signals {
        let _ = signals::forward(signals, program.clone());
    }
    let output = match (child.stdout.take(), child.stderr.take()) {
        (Some(out), Some(err)) => Output::read((out, err), flags.output, flags.progress, mask.clone(), journal).ok(),
        _ => None,
    };
    let supervisor = Supervisor::start(&flags, &config, setup, program.clone());
    program.wait_for_end(foreground.as_ref());
    let cause = program.end();
    let status = child.wait();
    let was_foreground = foreground.is_some();
    drop(foreground);
    let result = output.as_ref().and_then(Output::finish);
    let Ok(status) = status else { return Ok(CLIENT_ERROR) };
    if !status.success()
        && flags.output == OutputMode::OnFailure
        && let Some(output) = &output
    {
        output.print_held();
    }
    let cause = cause.or_else(|| interrupted_by_key(status, was_foreground));
    if let Some(supervisor) = supervisor {
        supervisor.finish(finish(status, cause.as_ref(), &setup::host()), result, &mask);
    }
    Ok(exit_code(status))
}

/// A key of the terminal interrupts the foreground only; the client sees it by the end of the program.
fn interrupted_by_key(status: std::process::ExitStatus, was_foreground: bool) -> Option<StopCause> {
    use std::os::unix::process::ExitStatusExt as _;
    let interrupt = rustix::process::Signal::INT;
    let is_interrupt = status.signal() == Some(interrupt.as_raw()) || status.code() == Some(128 + interrupt.as_raw());
    (was_foreground && is_interrupt).then_some(StopCause::Interrupted(interrupt))
}

fn start(flags: &RunFlags, config: &Config, setup: Option<&Setup>) -> std::io::Result<Child> {
    let mut command = Command::new(&flags.command[0]);
    command.args(&flags.command[1..]).process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.env_remove("MILEPOST_TOKEN");
    if flags.pass_token
        && let Some(token) = config.token.read()
    {
        command.env("MILEPOST_TOKEN", token);
    }
    if let Some(setup) = setup {
        command.env("MILEPOST_URL", &setup.head.server);
        command.env("MILEPOST_RUN", &setup.head.run).env("MILEPOST_KIND", &setup.head.kind);
        if let Some(report) = &setup.report_file {
            command.env("MILEPOST_REPORT", report.path());
        }
    }
    command.spawn()
}

/// Reports that the program cannot be started. Returns the exit code of a shell for it.
fn not_started(flags: &RunFlags, setup: Option<Setup>, error: &std::io::Error) -> u8 {
    let code = if error.kind() == std::io::ErrorKind::NotFound { 127 } else { 126 };
    let text = format!("{}: {error}", flags.command[0].to_string_lossy());
    if flags.output != OutputMode::Nothing {
        message::always(&text);
    }
    if let Some(setup) = setup {
        let deliver = flags.deliver;
        let finish = wire::Finish { exit_code: Some(code), message: Some(text), ..wire::Finish::default() };
        if let Some(api) = &setup.api {
            setup.reporter(api.clone(), Arc::new(|_| {}), None).start();
            setup.journal.finish(finish);
            setup.close(Instant::now() + setup.patience(deliver));
        }
    }
    code as u8
}

/// The time that `--deliver` allows, none while a server is known to be unreachable.
fn patience(deliver: Duration, is_unreachable: bool) -> Duration {
    if is_unreachable { Duration::ZERO } else { deliver }
}
