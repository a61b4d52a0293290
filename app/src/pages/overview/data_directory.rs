//! Data directory: problems that an administrator should know of.

use engine::{OrphanFiles, Trouble};
use leptos::prelude::*;
use model::count;

use super::text;
use crate::{components::Icon, context::app};

/// Why nothing can be written, and orphan files that were not removed. Hidden otherwise.
#[component]
pub(super) fn DataDirectory() -> impl IntoView {
    let engine = app().engine;
    let orphans = engine.orphan_files().unwrap_or_default();
    let notices: Vec<String> = [
        unwritable(engine.is_disk_full(), engine.trouble().unwrap_or_default()).map(str::to_owned),
        (orphans != OrphanFiles::default()).then(|| text::orphan_files(&count(orphans.jobs), &count(orphans.uploads))),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!notices.is_empty()).then(|| {
        view! {
            <section class="card" aria-labelledby="data-directory">
                <header>
                    <h2 id="data-directory">{text::DATA_DIRECTORY}</h2>
                </header>
                <ul class="attention">{notices.into_iter().map(notice).collect::<Vec<_>>()}</ul>
            </section>
        }
    })
}

const fn unwritable(full: bool, trouble: Option<Trouble>) -> Option<&'static str> {
    match trouble {
        None if !full => None,
        None | Some(Trouble::Full) => Some(text::DISK_FULL),
        Some(Trouble::FileLimit) => Some(text::FILE_LIMIT),
        Some(Trouble::ReadOnly) => Some(text::READ_ONLY),
        Some(Trouble::Gone) => Some(text::GONE),
        Some(Trouble::Damaged) => Some(text::DAMAGED),
    }
}

fn notice(text: String) -> impl IntoView {
    view! {
        <li data-state="warnings">
            <Icon name="warning" />
            <p>{text}</p>
        </li>
    }
}
