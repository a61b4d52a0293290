//! Parts of a page that are read from the store.

use leptos::prelude::*;
use leptos_axum::ResponseOptions;

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
                <h2>"This part cannot be shown"</h2>
                <p>"The server could not read its database. The server log has the details."</p>
            </div>
        </div>
    }
}
