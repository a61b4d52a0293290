//! Folder picker.

use leptos::prelude::*;
use model::FolderListing;

use super::ApiResult;

/// Returns the folders in `path`; without it, the roots.
#[server(endpoint = "folders")]
pub async fn folders(path: Option<String>) -> ApiResult<FolderListing> {
    let engine = crate::context::app().engine;
    let path = path.filter(|path| !path.is_empty());
    // A network disk may be slow.
    let listed = tokio::task::spawn_blocking(move || engine.folders(path.as_deref())).await;
    Ok(listed.expect("listing folders does not panic")?)
}
