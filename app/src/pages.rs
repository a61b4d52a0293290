//! The pages, rendered on the server.

mod field;
pub mod forbidden;
mod head;
pub mod job;
mod job_table;
pub mod jobs;
pub mod messages;
pub mod new;
pub mod not_found;
pub mod outside;
pub mod overview;
pub mod queues;
pub mod schedules;
pub mod settings;
mod strip;
mod text_area;

use leptos::{prelude::*, tachys::reactive_graph::OwnedView};
use leptos_axum::ResponseOptions;

use crate::ui::Icon;

pub(crate) use text_area::escape_rcdata;

/// Draws a view once it is there, under the owner it was asked for by. A bare [`Suspend`] that had to wait is drawn
/// under none, so that what its components own would be gone before their last bytes are.
pub(crate) fn later<V>(view: impl Future<Output = V> + Send + 'static) -> impl IntoView
where
    V: IntoView + 'static,
{
    let owner = Owner::current().expect("every request has an owner");
    Suspend::new(async move { OwnedView::new_with_owner(view.await.into_any(), owner) })
}

/// Draws what the store answers. Where it cannot be read, says so with status 500; the log says why.
pub(crate) fn from_store<T, V>(
    data: impl Future<Output = engine::Result<T>> + Send + 'static,
    draw: impl FnOnce(T) -> V + Send + 'static,
) -> impl IntoView
where
    V: IntoView + 'static,
{
    later(async move {
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
