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

/// One entry of the path picker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FolderStep {
    pub icon: &'static str,
    pub label: String,
    /// The folder that it opens, empty for the list of roots; or the path that it chooses.
    pub path: String,
    pub chooses: bool,
}

/// Returns the entries of the path picker: the folder itself, one step up, each subfolder, each file.
pub fn folder_steps(listing: &FolderListing) -> Vec<FolderStep> {
    let mut steps = Vec::new();
    let mut add = |icon, label, path: &str, chooses| {
        steps.push(FolderStep { icon, label, path: path.to_owned(), chooses });
    };
    if let Some(path) = listing.path.as_ref().filter(|_| listing.choosable) {
        add("check", format!("Choose {path}"), path, true);
    }
    if let Some(parent) = &listing.parent {
        let label = match parent.as_str() {
            "" => "All folders that tasks may read".to_owned(),
            parent => format!("Up to {parent}"),
        };
        add("up", label, parent, false);
    }
    for (entries, icon, chooses) in [(&listing.folders, "folder", false), (&listing.choices, "file", true)] {
        for entry in entries {
            add(icon, entry.name.clone(), &entry.path, chooses);
        }
    }
    steps
}

/// What the path picker says below its list.
pub fn folder_summary(listing: &FolderListing) -> String {
    let Some(path) = &listing.path else { return String::new() };
    let files = match listing.files {
        1 => "1 file".to_owned(),
        files => format!("{} files", count(files)),
    };
    let rest = match (listing.truncated, listing.folders.is_empty()) {
        (true, _) => " Not everything is listed; you can type the rest.",
        (false, true) => " No subfolders.",
        (false, false) => "",
    };
    format!("In {path}: {files}.{rest}")
}
