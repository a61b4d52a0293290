//! The pages, rendered on the server.

pub mod job;
pub mod jobs;
pub mod new;
pub mod not_found;
pub mod overview;

use leptos::prelude::*;
use leptos_axum::ResponseOptions;

use crate::ui::Icon;

/// Draws what the store answers. Where it cannot be read, says so with status 500; the log says why.
pub(crate) fn from_store<T, V>(
    data: impl Future<Output = engine::Result<T>> + Send + 'static,
    draw: impl FnOnce(T) -> V + Send + 'static,
) -> impl IntoView
where
    V: IntoView + 'static,
{
    Suspend::new(async move {
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
                <h2>"This could not be read"</h2>
                <p>"The server failed to read its database. Its log says why."</p>
            </div>
        </div>
    }
}
