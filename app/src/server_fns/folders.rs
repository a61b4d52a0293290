//! Looking around in the folders that tasks may read.

use leptos::prelude::*;
use model::FolderListing;

use super::ApiResult;

/// The folders in `path`; the roots themselves without one. For the folder picker.
#[server(endpoint = "folders")]
pub async fn folders(path: Option<String>) -> ApiResult<FolderListing> {
    let desk = crate::context::app().desk;
    let path = path.filter(|path| !path.is_empty());
    // A folder on a network disk may take its time.
    let listed = tokio::task::spawn_blocking(move || desk.folders(path.as_deref())).await;
    Ok(listed.expect("listing folders does not panic")?)
}
