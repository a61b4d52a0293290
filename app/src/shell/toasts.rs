use leptos::prelude::*;

use crate::{base::at, islands::Toasts, ui::Icon};

/// Where what others write shows itself while a page is open: see [`Toasts`]. Without script it stays empty.
#[component]
pub(super) fn ToastList() -> impl IntoView {
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
                    <a href=at("/messages")>"All messages"</a>
                </li>
            </template>
            <ul aria-live="polite"></ul>
            <a class="button small more" href=at("/messages") hidden=true></a>
        </div>
        <Toasts />
    }
}
