//! The command line: subcommands and help.

mod inside;
mod spool;

use std::{ffi::OsString, process::ExitCode};

use lexopt::{Arg, Parser};

use crate::{doctor, error::ClientError, login, message, run};

const HELP: &str = "\
Runs programs and reports them to a Milepost server.

milepost run [FLAGS] -- CMD ARGS...   run a program and report it
milepost spool [list|send]            list or send what is not yet reported
milepost doctor                       check server, token, clock and spool
milepost login --server URL           store the address and a token read from standard input

Inside a run:
milepost progress 3/10 [TEXT]         report progress: 3/10, 42% or 0.42
milepost note TEXT                    add a line to the log
milepost warn TEXT                    add a warning to the log
milepost artifact FILE...             upload files

Flags of run:
  --server URL, --token-file FILE     where to report (MILEPOST_URL, MILEPOST_TOKEN_FILE, client.toml)
  --title TEXT, --kind KIND, --run ID, --link URL
  --progress FORMAT                   auto json percent number osc fraction rsync ffmpeg restic rclone curl none
  -q, --quiet                         print the output only if the program fails
  --silent                            print nothing
  --timeout D                         stop the program after D
  --grace D, --signal SIG             how a program is stopped (10s, TERM)
  --heartbeat D                       promised time between two reports (10s)
  --artifact GLOB                     upload these files at the end
  --result FILE                       report this file as the result
  --mask NAME                         hide the value of this variable too
  --unique KEY                        run only if no other run has the key
    --if-busy skip|wait|fail, --if-unreachable run|skip
  --strict                            do not start the program without the server
  --deliver D                         longest wait for the server at the end (5s)
  --no-spool, --spool-limit SIZE      what is kept on disk for later (256MiB)
  --show-command                      use the command line as the title
  --pass-token                        leave the token in the environment of the program
  -v, --verbose                       print messages without a terminal too
";

/// The subcommands. The program of the server has them, too.
pub const COMMANDS: [&str; 8] = ["run", "spool", "doctor", "login", "progress", "note", "warn", "artifact"];

/// Runs the client with these arguments, without the name of the program.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut parser = Parser::from_args(args);
    match dispatch(&mut parser) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            message::always(&error.to_string());
            ExitCode::from(run::CLIENT_ERROR)
        }
    }
}

fn dispatch(parser: &mut Parser) -> Result<u8, ClientError> {
    let Some(arg) = parser.next()? else { return Ok(help(HELP)) };
    match arg {
        Arg::Short('h') | Arg::Long("help") => Ok(help(HELP)),
        Arg::Short('V') | Arg::Long("version") => Ok(help(&format!("{}\n", crate::AGENT))),
        Arg::Value(command) => match command.to_str() {
            Some("run") => run::run(parser),
            Some("spool") => spool::run(parser),
            Some("doctor") => doctor::run(parser),
            Some("login") => login::run(parser),
            Some("progress") => inside::progress(parser),
            Some("note") => inside::note(parser, "note"),
            Some("warn") => inside::note(parser, "warn"),
            Some("artifact") => inside::artifact(parser),
            Some("help") => Ok(help(HELP)),
            _ => Err(ClientError::Usage(format!("unknown command `{}`", command.to_string_lossy()))),
        },
        Arg::Short(_) | Arg::Long(_) => Err(arg.unexpected().into()),
    }
}

/// Prints to standard output; a closed one is no error.
pub(crate) fn print(text: &str) {
    use std::io::Write as _;
    let _ = std::io::stdout().write_all(text.as_bytes());
}

fn help(text: &str) -> u8 {
    print(text);
    0
}
