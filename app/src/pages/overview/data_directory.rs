//! Data directory: problems that an administrator should know of.

use engine::{OrphanFiles, Trouble};
use leptos::prelude::*;
use model::count;

use crate::{components::Icon, context::app};

/// Why nothing can be written, and orphan files that were not removed. Hidden otherwise.
#[component]
pub(super) fn DataDirectory() -> impl IntoView {
    let engine = app().engine;
    let orphans = engine.orphan_files().unwrap_or_default();
    let notices: Vec<String> = [
        unwritable(engine.is_disk_full(), engine.trouble().unwrap_or_default()).map(str::to_owned),
        (orphans != OrphanFiles::default()).then(|| orphan_files(orphans)),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!notices.is_empty()).then(|| {
        view! {
            <section class="card" aria-labelledby="data-directory">
                <header>
                    <h2 id="data-directory">"Data directory"</h2>
                </header>
                <ul class="attention">{notices.into_iter().map(notice).collect::<Vec<_>>()}</ul>
            </section>
        }
    })
}

const fn unwritable(full: bool, trouble: Option<Trouble>) -> Option<&'static str> {
    match trouble {
        None if !full => None,
        None | Some(Trouble::Full) => Some(DISK_FULL),
        Some(Trouble::FileLimit) => Some(FILE_LIMIT),
        Some(Trouble::ReadOnly) => Some(READ_ONLY),
        Some(Trouble::Gone) => Some(GONE),
        Some(Trouble::Damaged) => Some(DAMAGED),
    }
}

const READ_ONLY: &str = "The disk is read-only. Nothing starts, and the ends of running jobs are not recorded: make the disk \
                         that holds the data directory writable.";
const FILE_LIMIT: &str = "A file has reached the largest size that the server may write. Nothing new starts: raise that \
                          limit (ulimit -f, LimitFSIZE=) and restart the server.";
const GONE: &str = "The database was removed or replaced. Nothing starts, and the ends of running jobs are not recorded: \
                    stop the server, put the files back or restore a backup, and start it again.";
const DAMAGED: &str = "The database is damaged. Nothing starts, and the ends of running jobs are not recorded: stop the \
                       server and restore a backup. The server's log names the file and the newest backup.";
const DISK_FULL: &str = "The disk is full. Nothing new starts until there is room: delete jobs that you do not need, or \
                         free space on the disk.";

fn notice(text: String) -> impl IntoView {
    view! {
        <li data-state="warnings">
            <Icon name="warning" />
            <p>{text}</p>
        </li>
    }
}

fn orphan_files(OrphanFiles { jobs, uploads }: OrphanFiles) -> String {
    format!(
        "Files of jobs ({}) and uploads ({}) that the database does not know are left alone: it may have been replaced by \
         an older copy. Restart with --sweep-orphans to remove them.",
        count(jobs),
        count(uploads)
    )
}
