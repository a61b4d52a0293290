use leptos::prelude::*;

use crate::{base_path::url, components::Icon, islands::Toasts};

/// Toasts for new messages: see [`Toasts`]. Empty without script.
#[component]
pub(crate) fn ToastList() -> impl IntoView {
    view! {
        <div class="toasts">
            <template>
                <li class="toast">
                    <Icon name="announce" />
                    <p class="said">
                        <b></b>
                        " "
                        <span></span>
                    </p>
                    <button class="button square quiet small" type="button" aria-label="Close" title="Close">
                        <Icon name="close" />
                    </button>
                    <p class="text"></p>
                    <a href=url("/messages")>"All messages"</a>
                </li>
            </template>
            <ul aria-live="polite"></ul>
            <a class="button small more" href=url("/messages") hidden=true></a>
        </div>
        <Toasts />
    }
}
