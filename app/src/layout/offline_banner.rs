//! Offline banner: shown while the connection is lost, and on saved pages.

use leptos::prelude::*;
use model::Micros;

use super::text;
use crate::components::{Icon, Timestamp};

/// The style sheet shows it on a document with `data-kept` (the service worker returned a saved copy) or `data-lost` (the
/// open page lost the server); [`OfflineNotice`](crate::islands::OfflineNotice) updates it.
#[component]
pub(crate) fn OfflineBanner(now: Micros) -> impl IntoView {
    view! {
        <section class="away" aria-label=text::CONNECTION>
            <div class="banner warn" role="status">
                <Icon name="offline" />
                <p>
                    <b class="if-kept">{text::SAVED_COPY_FROM}</b>
                    <b class="if-lost">{text::CONNECTION_LOST_AT}</b>
                    <Timestamp at=now />
                    // Not announced: it changes every second.
                    <span class="age" aria-hidden="true"></span>
                    <span class="if-kept">"."</span>
                    <span class="if-lost">{text::LAST_KNOWN_STATE}</span>
                </p>
                <p class="unsent" hidden=true>
                    {text::NOT_SENT}
                </p>
            </div>
        </section>
    }
}
