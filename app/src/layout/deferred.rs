//! Deferred views: drawn when the data they need has been read.

use leptos::{prelude::*, tachys::reactive_graph::OwnedView};

/// Draws a view once it is ready, under the owner that asked for it. A bare [`Suspend`] that had to wait is drawn under
/// no owner, so the contexts of its components are gone before their last bytes are written. A `Suspense` outlives a
/// request that was given up, with the database connection it was reading from.
pub(crate) fn deferred<V>(view: impl Future<Output = V> + Send + 'static) -> impl IntoView
where
    V: IntoView + 'static,
{
    let owner = Owner::current().expect("every request has an owner");
    Suspend::new(async move { OwnedView::new_with_owner(view.await.into_any(), owner) })
}
