//! Path picker: the listing of one folder.

use serde::{Deserialize, Serialize};

/// The content of one folder, or the list of roots.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderListing {
    /// The folder shown; `None` for the list of roots.
    pub path: Option<String>,
    /// Its parent inside a root, or an empty text for the list of roots. `None` for that list, and for an only root.
    pub parent: Option<String>,
    /// Sub-folders, by name.
    pub folders: Vec<FolderEntry>,
    /// Number of files directly in it.
    pub files: u64,
    /// The regular files among them, by name, if files can be chosen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<FolderEntry>,
    /// Whether the folder itself can be chosen.
    #[serde(default)]
    pub choosable: bool,
    /// Whether some folders or choices were left out.
    pub truncated: bool,
}

/// A folder or file in the picker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderEntry {
    /// Its name, as shown.
    pub name: String,
    /// Its path in the form of an input field.
    pub path: String,
}
