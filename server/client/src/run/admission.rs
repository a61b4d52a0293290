//! Questions to the server before a program is started: `--unique` and `--strict`.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt as _,
    thread,
    time::Duration,
};

use serde_json::Value;

use super::{
    flags::{IfBusy, IfUnreachable, RunFlags},
    setup::Setup,
};
use crate::{api::Api, config::Config, error::ClientError, ids, message, spool::Head};

/// The time limit of a question.
const TIMEOUT: Duration = Duration::from_secs(2);
/// The time between two questions with `--if-busy wait`.
const ASK_EVERY: Duration = Duration::from_secs(5);
/// Exit code with `--if-busy fail`: a temporary failure.
const BUSY: u8 = 75;

/// Whether the program is started.
#[derive(Debug)]
pub(crate) enum Admission {
    /// It is. The lock of the key is held as long as this value lives.
    Granted(Option<File>),
    /// It is not; the exit code of the client.
    Refused(u8),
}

enum Response {
    Granted,
    Busy,
    Unreachable(String),
}

/// Asks whether the program may start. Without `--unique` and `--strict` there is no question.
pub(crate) fn admit(flags: &RunFlags, config: &Config, setup: Option<&Setup>) -> Result<Admission, ClientError> {
    let mut lock = None;
    if let Some(key) = &flags.unique {
        lock = match local_lock(config, key, flags) {
            Ok(Some(lock)) => Some(lock),
            Ok(None) => return Ok(busy(flags)),
            Err(error) => {
                message::print(&format!("no local lock for --unique: {error}"));
                None
            }
        };
    } else if !flags.strict {
        return Ok(Admission::Granted(None));
    }
    loop {
        let response = match setup.and_then(|setup| Some((setup.api.as_deref()?, &setup.head))) {
            Some((api, head)) => ask(api, head, flags.unique.as_deref()),
            None => Response::Unreachable("no server is configured".to_owned()),
        };
        match response {
            Response::Granted => return Ok(Admission::Granted(lock)),
            Response::Busy if flags.if_busy == IfBusy::Wait => thread::sleep(ASK_EVERY),
            Response::Busy => return Ok(busy(flags)),
            Response::Unreachable(reason) if flags.strict => {
                if let Some(setup) = setup {
                    setup.journal.remove();
                }
                return Err(ClientError::Unavailable(format!("not started, because of --strict: {reason}")));
            }
            Response::Unreachable(reason) => {
                message::print(&format!("--unique on this machine only: {reason}"));
                let skip = flags.unique.is_some() && flags.if_unreachable == IfUnreachable::Skip;
                return Ok(if skip { Admission::Refused(0) } else { Admission::Granted(lock) });
            }
        }
    }
}

fn busy(flags: &RunFlags) -> Admission {
    message::print("not started: another run has the key of --unique");
    Admission::Refused(if flags.if_busy == IfBusy::Fail { BUSY } else { 0 })
}

/// Creates the job on the server, with the key.
fn ask(api: &Api, head: &Head, key: Option<&str>) -> Response {
    let mut body = serde_json::to_value(&head.start).unwrap_or_default();
    if let (Some(key), Value::Object(fields)) = (key, &mut body) {
        fields.insert("unique".to_owned(), key.into());
    }
    let path = format!("/report/{}/{}/start", head.kind, head.run);
    match api.post(&path, "application/json", &body.to_string(), TIMEOUT) {
        Ok(reply) if (200..300).contains(&reply.code) => Response::Granted,
        Ok(reply) if reply.code == 409 && reply.problem().code == "busy" => Response::Busy,
        Ok(reply) => Response::Unreachable(reply.describe()),
        Err(crate::api::Unreachable(reason)) => Response::Unreachable(reason),
    }
}

/// Takes the lock of a key on this machine; nothing if another client has it.
fn local_lock(config: &Config, key: &str, flags: &RunFlags) -> io::Result<Option<File>> {
    let directory = config.spool.join("keys");
    fs::create_dir_all(&directory)?;
    let name: String = ids::hex(key.as_bytes());
    let name = &name[..name.len().min(200)];
    let lock = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(directory.join(name))?;
    if flags.if_busy == IfBusy::Wait {
        lock.lock()?;
        return Ok(Some(lock));
    }
    match lock.try_lock() {
        Ok(()) => Ok(Some(lock)),
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(error)) => Err(error),
    }
}
