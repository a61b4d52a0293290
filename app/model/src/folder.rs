//! Folder picker: the listing of one folder.

use serde::{Deserialize, Serialize};

/// The content of one folder, or the list of roots.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderListing {
    /// The folder shown; `None` for the list of roots.
    pub path: Option<String>,
    /// Its parent, if that is still inside a root.
    pub parent: Option<String>,
    /// Sub-folders, by name.
    pub folders: Vec<FolderEntry>,
    /// Number of files directly in it.
    pub files: u64,
    /// Whether some folders were left out.
    pub truncated: bool,
}

/// A folder in the picker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderEntry {
    /// Its name.
    pub name: String,
    /// Its path in the form of an input field.
    pub path: String,
}
