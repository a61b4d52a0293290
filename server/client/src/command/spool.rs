//! `milepost spool`: what is not yet reported.

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use lexopt::{Arg, Parser};

use crate::{
    api::Api,
    config::Config,
    error::ClientError,
    message,
    spool::{Delivered, DiskQueue, SpoolDirectory, deliver},
};

/// The time for one run.
const DELIVER: Duration = Duration::from_mins(10);
/// Exit code if something is left.
const NOT_REACHED: u8 = 5;

/// `spool [list|send]`
pub(crate) fn run(parser: &mut Parser) -> Result<u8, ClientError> {
    let mut action = "list".to_owned();
    let (mut server, mut token_file) = (None, None);
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Value(word) => action = word.to_string_lossy().into_owned(),
            Arg::Long("server") => server = Some(parser.value()?.to_string_lossy().into_owned()),
            Arg::Long("token-file") => token_file = Some(parser.value()?.into()),
            Arg::Short(_) | Arg::Long(_) => return Err(arg.unexpected().into()),
        }
    }
    let config = Config::read(server, token_file);
    let spool = SpoolDirectory::open(&config.spool).map_err(ClientError::file(&config.spool))?;
    match action.as_str() {
        "list" => {
            list(&spool);
            Ok(0)
        }
        "send" => send(&spool, &config),
        _ => Err(ClientError::Usage(format!("unknown action `{action}`"))),
    }
}

/// Prints kind, run, state, bytes and server of each run, separated by tabs.
fn list(spool: &SpoolDirectory) {
    let mut text = String::new();
    for (files, head, lives) in spool.list() {
        let state = if lives { "running" } else { "waiting" };
        let bytes = DiskQueue::bytes_of(&files);
        let _ = writeln!(text, "{}\t{}\t{state}\t{bytes}\t{}", head.kind, head.run, head.server);
    }
    super::print(&text);
}

fn send(spool: &SpoolDirectory, config: &Config) -> Result<u8, ClientError> {
    let server = config.server()?;
    let api = Api::new(config, server).map_err(ClientError::Unavailable)?;
    let mut code = 0;
    for (files, head) in spool.abandoned() {
        let name = format!("{}/{}", head.kind, head.run);
        if head.server != server {
            message::always(&format!("{name} belongs to {}", head.server));
            continue;
        }
        match deliver(&api, files, &head, Instant::now() + DELIVER) {
            Delivered::All => super::print(&format!("{name}\treported\n")),
            Delivered::Discarded(reason) => message::always(&format!("{name} is dropped: {reason}")),
            Delivered::Later(reason) => {
                message::always(&format!("{name} is kept: {reason}"));
                code = NOT_REACHED;
            }
        }
    }
    Ok(code)
}
