//! Parts of a page that are read from the store.

use leptos::prelude::*;
use leptos_axum::ResponseOptions;

use super::text;
use crate::{components::Icon, layout::deferred};

/// Draws what the store returns. If it cannot be read, draws an error with status 500 and logs the reason.
pub(in crate::pages) fn from_store<T, V>(
    data: impl Future<Output = engine::Result<T>> + Send + 'static,
    draw: impl FnOnce(T) -> V + Send + 'static,
) -> impl IntoView
where
    V: IntoView + 'static,
{
    deferred(async move {
        match data.await {
            Ok(data) => draw(data).into_any(),
            Err(error) => {
                tracing::error!(%error, "a page could not be read from the store");
                expect_context::<ResponseOptions>().set_status(http::StatusCode::INTERNAL_SERVER_ERROR);
                unreadable().into_any()
            }
        }
    })
}

fn unreadable() -> impl IntoView {
    view! {
        <div class="notice bad" role="alert">
            <Icon name="warning" />
            <div>
                <h2>{text::THIS_PART_CANNOT_BE_SHOWN}</h2>
                <p>{text::SEE_SERVER_LOG}</p>
            </div>
        </div>
    }
}
