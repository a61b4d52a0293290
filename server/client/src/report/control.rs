//! The long poll of a run: requests to cancel and changes of the pace arrive at once.

use std::{sync::Arc, thread, time::Duration};

use wire::{Status, limits::CONTROL_WAIT};

use super::{Backoff, reporter::OnCancel, uploads::percent_encoded};
use crate::{api::Api, journal::Journal, spool::Head};

/// Starts the thread. It ends with the process.
pub(crate) fn start(api: Arc<Api>, journal: Arc<Journal>, head: &Head, status: &Status, on_cancel: OnCancel) {
    let path = format!("/report/{}/{}/control", head.kind, head.run);
    let control = status.control.clone();
    // Without the thread, requests to cancel arrive with the responses to batches.
    let _ = thread::Builder::new()
        .name("control".to_owned())
        .spawn(move || poll(&api, &journal, &path, control, &on_cancel));
}

fn poll(api: &Api, journal: &Journal, path: &str, mut control: String, on_cancel: &OnCancel) {
    let timeout = Duration::from_secs(CONTROL_WAIT + 10);
    let mut backoff = Backoff::default();
    loop {
        let since = percent_encoded(&control);
        let reply = api.get(&format!("{path}?wait={CONTROL_WAIT}&since={since}"), timeout);
        match reply.map(|reply| (reply.code, reply.status())) {
            Ok((200, Some(status))) => {
                if let Some(cancel) = &status.cancel {
                    on_cancel(cancel);
                }
                journal.set_pace(status.report_every);
                if control == status.control {
                    // A server that does not wait.
                    thread::sleep(backoff.next());
                } else {
                    backoff.reset();
                }
                control = status.control;
            }
            Ok((204, _)) => backoff.reset(),
            Ok(_) | Err(_) => {
                if journal.link().stopped {
                    return;
                }
                thread::sleep(backoff.next());
            }
        }
    }
}
