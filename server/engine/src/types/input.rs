//! Input types: uploads and paths below a root. Their schema's `format` decides which form control is drawn
//! and what the engine checks before a job is accepted.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A folder under one of the roots, as a user typed or picked it: absolute, or relative to the first root that has it.
/// Checked when the job is accepted, and again when it is opened: [`crate::Ctx::open_folder`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline, extend("format" = "rooted-folder"))]
pub struct FolderPath(pub String);

/// A file under one of the roots; see [`FolderPath`]. Opened with [`crate::Ctx::open_file`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline, extend("format" = "rooted-file"))]
pub struct FilePath(pub String);

/// An uploaded file: the id that `POST /uploads` answered. Read with [`crate::Ctx::upload`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline, extend("format" = "upload"))]
pub struct UploadRef(pub String);

/// The names of the uploaded files of an input, by their ids.
#[derive(Clone, Debug, Default)]
pub struct UploadNames(pub(crate) BTreeMap<String, String>);

impl UploadNames {
    /// The name of an upload; its id if it has none.
    pub fn of<'a>(&'a self, upload: &'a UploadRef) -> &'a str {
        self.0.get(&upload.0).filter(|name| !name.is_empty()).unwrap_or(&upload.0)
    }
}
