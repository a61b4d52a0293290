//! Layout: what every page has around its content.

mod brand;
mod deferred;
mod document_head;
mod hydration;
mod notices;
mod offline_banner;
mod page_context;
mod refresh;
mod sidebar;
mod text;
mod toast_list;

use leptos::prelude::use_context;

use crate::base_path::url;

pub(crate) use brand::Brand;
pub(crate) use deferred::deferred;
pub(crate) use document_head::{DocumentHead, document_title};
pub(crate) use hydration::HydrationScript;
pub(crate) use notices::{FlashNotice, NewVersion};
pub(crate) use offline_banner::OfflineBanner;
pub(crate) use page_context::ATTENTION_LIMIT;
pub use page_context::PageContext;
pub(crate) use refresh::RefreshWithoutScript;
pub(crate) use sidebar::Sidebar;
pub(crate) use toast_list::ToastList;

/// Returns the address of this page as it was requested; of the response to a form, that of the page with the form.
fn requested_url() -> String {
    let request = use_context::<http::request::Parts>();
    url(&request.and_then(|request| request.uri.path_and_query().map(ToString::to_string)).unwrap_or_default())
}
