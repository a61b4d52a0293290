//! What an operator should know of the data directory.

use engine::OrphanFiles;
use leptos::prelude::*;
use model::count;

use crate::{context::app, ui::Icon};

/// A full disk, and orphan files that no sweep has taken. Absent where there is neither.
#[component]
pub(super) fn DataDirectory() -> impl IntoView {
    let desk = app().desk;
    let orphans = desk.orphan_files().unwrap_or_default();
    let notices: Vec<String> = [
        desk.is_disk_full().then(|| DISK_FULL.to_owned()),
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

/// What a full disk means for who looks at the page.
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
