//! Input types: uploads and paths below a root. Their schema's `format` decides which form control is drawn
//! and what the engine checks before a job is accepted.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A folder or file under one of the roots, as a user typed or picked it: absolute, or relative to the first root
/// that has it. Checked when the job is accepted and again, symlinks resolved, when it runs: [`crate::Ctx::resolve`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline, extend("format" = "rooted-path"))]
pub struct RootedPath(pub String);

/// An uploaded file: the id that `POST /uploads` answered. Read with [`crate::Ctx::upload`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline, extend("format" = "upload"))]
pub struct UploadRef(pub String);
