//! Notices above the page: the result of the form just sent, and the offer to reload after an update.

use leptos::prelude::*;
use model::Tone;

use super::{requested_url, text};
use crate::{
    base_path::url,
    components::Icon,
    islands::NewVersionBanner,
    session::{Flash, Undo},
};

/// Offers to reload once the server runs another build than the page: see [`NewVersionBanner`].
#[component]
pub(crate) fn NewVersion() -> impl IntoView {
    view! {
        <section class="renewal" aria-label=text::NEW_VERSION hidden=true>
            <div class="banner" role="status">
                <Icon name="retry" />
                <p>
                    <b>{text::NEW_VERSION_AVAILABLE}</b>
                    {text::RELOAD_TO_UPDATE}
                </p>
                <a class="button small" href=requested_url()>
                    {text::RELOAD}
                </a>
                <button class="button square quiet small" type="button" aria-label=text::LATER title=text::LATER>
                    <Icon name="close" />
                </button>
            </div>
        </section>
        <NewVersionBanner />
    }
}

/// Shows the result of the form just sent; a success for some seconds.
#[component]
pub(crate) fn FlashNotice(flash: Flash) -> impl IntoView {
    let (class, icon) = match flash.tone {
        Tone::Info => ("banner", "info"),
        Tone::Success => ("banner good", "succeeded"),
        Tone::Warning => ("banner warn", "warning"),
        Tone::Danger => ("banner bad", "warning"),
    };
    let passes = flash.tone == Tone::Success && flash.undo.is_none();
    view! {
        <section class="flash" class:passing=passes aria-label=text::NOTICES>
            <div class=class role="status">
                <Icon name=icon />
                <p>{flash.text}</p>
                {flash.undo.map(|undo| view! { <UndoForm undo /> })}
                // A link, which works without script: the next page has no notice.
                <a class="button square quiet small" href=requested_url() aria-label=text::CLOSE title=text::CLOSE>
                    <Icon name="close" />
                </a>
            </div>
        </section>
    }
}

#[component]
fn UndoForm(undo: Undo) -> impl IntoView {
    view! {
        <form method="post" action=url(&format!("/api/{}", undo.function))>
            <input type="hidden" name=undo.name value=undo.value />
            <button class="button small" type="submit">
                {text::UNDO}
            </button>
        </form>
    }
}
