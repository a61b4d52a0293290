//! Icons that scripts swap in are in the sprite.

use app::components::{folder_steps, kind_icon, state_icon, tone_icon};
use model::{FolderEntry, FolderListing, Shown, Tone};

const SPRITE: &str = include_str!("../../public/icons.svg");

#[test]
fn icons_shown_by_scripts_are_in_the_sprite() {
    let shown = [
        Shown::Scheduled,
        Shown::Retrying,
        Shown::Queued,
        Shown::Running,
        Shown::Pausing,
        Shown::Cancelling,
        Shown::NotResponding,
        Shown::Paused,
        Shown::Succeeded,
        Shown::Warnings,
        Shown::Failed,
        Shown::Cancelled,
        Shown::Interrupted,
    ];
    let kinds =
        ["checksum", "import-csv", "check-links", "archive", "sql-export", "resize-images", "backup", "prune", "x"];
    let tones = [Tone::Info, Tone::Success, Tone::Warning, Tone::Danger];
    let entry = FolderEntry { name: "a".to_owned(), path: "/a".to_owned() };
    let listing = FolderListing {
        path: Some("/b".to_owned()),
        parent: Some("/".to_owned()),
        folders: vec![entry.clone()],
        choices: vec![entry],
        choosable: true,
        ..FolderListing::default()
    };
    let mut icons = vec!["check", "slow", "plus", "retry", "stop", "trash"];
    icons.extend(shown.map(|shown| state_icon(shown, false)));
    icons.extend(kinds.map(kind_icon));
    icons.extend(tones.map(tone_icon));
    icons.extend(folder_steps(&listing).iter().map(|step| step.icon));
    for icon in icons {
        assert!(SPRITE.contains(&format!("<symbol id=\"i-{icon}\"")), "{icon}");
    }
}
