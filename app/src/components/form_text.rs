//! Text of forms that both the server and the browser write.

use model::{FolderListing, count};

/// Heading of the error summary of a form that did not start its job, for a number of invalid fields.
pub fn not_started(fields: usize) -> String {
    match fields {
        0 => "Not started".to_owned(),
        1 => "Not started: fix 1 field".to_owned(),
        several => format!("Not started: fix {several} fields"),
    }
}

/// An error of a field with its label, for the error summary.
pub fn field_error_line(label: &str, message: &str) -> String {
    // Some messages already begin with the label.
    if label.is_empty() || message.starts_with(label) { message.to_owned() } else { format!("{label}: {message}") }
}

/// `orders.csv, 20 B, uploaded`.
pub fn uploaded_file(name: &str, size: u64) -> String {
    format!("{name}, {}, uploaded", model::bytes(size))
}

/// One entry of the folder picker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderStep {
    pub icon: &'static str,
    pub label: String,
    /// The folder it leads to; empty for the list of roots.
    pub path: String,
}

/// Returns the entries of the folder picker: one step up, then each subfolder.
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

/// What the folder picker says below its list.
pub fn folder_summary(listing: &FolderListing) -> String {
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
