use leptos::prelude::*;

use super::text;
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
                    <button class="button square quiet small" type="button" aria-label=text::CLOSE title=text::CLOSE>
                        <Icon name="close" />
                    </button>
                    <p class="text"></p>
                    <a href=url("/messages")>{text::ALL_MESSAGES}</a>
                </li>
            </template>
            <ul aria-live="polite"></ul>
            <a class="button small more" href=url("/messages") hidden=true></a>
        </div>
        <Toasts />
    }
}
