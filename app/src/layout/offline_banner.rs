//! Offline banner: shown while the connection is lost, and on saved pages.

use leptos::prelude::*;
use model::Micros;

use crate::components::{Icon, Timestamp};

/// The style sheet shows it on a document with `data-kept` (the service worker returned a saved copy) or `data-lost` (the
/// open page lost the server); [`OfflineNotice`](crate::islands::OfflineNotice) updates it.
#[component]
pub(crate) fn OfflineBanner(now: Micros) -> impl IntoView {
    view! {
        <section class="away" aria-label="Connection">
            <div class="banner warn" role="status">
                <Icon name="offline" />
                <p>
                    <b class="if-kept">"Server unreachable. Showing a saved copy from "</b>
                    <b class="if-lost">"Connection lost at "</b>
                    <Timestamp at=now />
                    // Not announced: it changes every second.
                    <span class="age" aria-hidden="true"></span>
                    <span class="if-kept">"."</span>
                    <span class="if-lost">". Showing the last known state."</span>
                </p>
                <p class="unsent" hidden=true>
                    "Not sent. Try again when the server is back."
                </p>
            </div>
        </section>
    }
}
