//! Looking around in the folders that tasks may read.

use leptos::prelude::*;
use model::FolderListing;

use super::ApiResult;

/// The folders in `path`; the roots themselves without one. For the folder picker.
#[server(endpoint = "folders")]
pub async fn folders(path: Option<String>) -> ApiResult<FolderListing> {
    let path = path.filter(|path| !path.is_empty());
    Ok(crate::context::app().engine.roots().list(path.as_deref())?)
}
