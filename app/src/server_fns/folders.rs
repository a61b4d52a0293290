//! Path picker.

use leptos::prelude::*;
use model::{FolderListing, PathKind};

use super::ApiResult;

/// Returns the folders in `path`; without it, the roots, or what is in an only root. `takes` says what can be chosen:
/// `folder` (the default), `file` or `any`. Files are listed for the last two.
#[server(endpoint = "folders")]
pub async fn folders(path: Option<String>, takes: Option<PathKind>) -> ApiResult<FolderListing> {
    let engine = crate::context::app().engine;
    let path = path.filter(|path| !path.is_empty());
    // A network disk may be slow.
    let listed = tokio::task::spawn_blocking(move || engine.folders(path.as_deref(), takes.unwrap_or_default())).await;
    Ok(listed.expect("listing folders does not panic")?)
}
