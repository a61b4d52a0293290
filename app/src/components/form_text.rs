//! What forms say. The server writes it, and the browser says the same when something changes.

use model::{FolderListing, count};

/// The head of the summary of what is wrong with so many fields.
pub fn not_started(fields: usize) -> String {
    match fields {
        0 => "Not started".to_owned(),
        1 => "Not started: fix 1 field".to_owned(),
        several => format!("Not started: fix {several} fields"),
    }
}

/// What is wrong with a field, said far from it.
pub fn fault_line(label: &str, message: &str) -> String {
    // Some messages name the field themselves.
    if label.is_empty() || message.starts_with(label) { message.to_owned() } else { format!("{label}: {message}") }
}

/// `orders.csv, 20 B, uploaded`.
pub fn file_here(name: &str, size: u64) -> String {
    format!("{name}, {}, uploaded", model::bytes(size))
}

/// One step from a folder to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderStep {
    /// Its icon.
    pub icon: &'static str,
    /// What it is called.
    pub label: String,
    /// Where it leads; empty for the list of roots.
    pub path: String,
}

/// Where one can go from here: one step up, then each folder.
pub fn folder_steps(listing: &FolderListing) -> Vec<FolderStep> {
    let up = listing.path.as_ref().map(|_| match &listing.parent {
        Some(parent) => FolderStep { icon: "up", label: format!("Up to {parent}"), path: parent.clone() },
        None => FolderStep { icon: "up", label: "All folders that tasks may read".to_owned(), path: String::new() },
    });
    let inside = listing.folders.iter();
    let inside =
        inside.map(|folder| FolderStep { icon: "folder", label: folder.name.clone(), path: folder.path.clone() });
    up.into_iter().chain(inside).collect()
}

/// What else is to say of a folder.
pub fn folder_remark(listing: &FolderListing) -> String {
    let rest = match (listing.truncated, listing.folders.is_empty()) {
        (true, _) => "Not all folders are listed; you can type the others. ",
        (false, true) => "No subfolders. ",
        (false, false) => "",
    };
    let files = listing.path.as_ref().map_or_else(String::new, |_| match listing.files {
        1 => "1 file.".to_owned(),
        files => format!("{} files.", count(files)),
    });
    format!("{rest}{files}")
}
