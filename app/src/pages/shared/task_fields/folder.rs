//! Folder picker of a task's form.

use leptos::prelude::*;
use model::FolderListing;

use super::Control;
use crate::components::{FolderStep, Icon, folder_steps, folder_summary};
use crate::pages::shared::text;

/// A path, and a list of folders. Without script each button submits the form, which comes back with everything kept
/// and the next list. [`crate::enhance::FolderPickers`] works without leaving the page.
#[component]
pub(super) fn FolderField(control: Control, listing: Option<FolderListing>) -> impl IntoView {
    let panel = format!("{}-folders", control.id);
    // A page that comes back with a list focuses it.
    let looking = listing.is_some();
    view! {
        <div class="folder-field">
            <div class="with-unit">
                <input
                    class="input mono"
                    type="text"
                    id=control.id.clone()
                    name=control.name.clone()
                    value=control.text.clone()
                    autocomplete="off"
                    spellcheck="false"
                    aria-describedby=control.described_by.clone()
                    aria-invalid=control.invalid()
                    aria-required=control.must()
                />
                <button
                    class="button"
                    type="submit"
                    name="$browse"
                    value=control.name.clone()
                    aria-expanded=looking.to_string()
                    aria-controls=panel.clone()
                >
                    {text::BROWSE}
                </button>
            </div>
            <div
                class="folders"
                id=panel
                role="group"
                aria-label=text::FOLDERS_ON_THE_SERVER
                tabindex="-1"
                autofocus=looking
                hidden=!looking
            >
                <p class="error" hidden=true></p>
                <List field=control.name listing=listing.unwrap_or_default() />
            </div>
        </div>
    }
}

#[component]
fn List(field: String, listing: FolderListing) -> impl IntoView {
    let steps: Vec<_> =
        folder_steps(&listing).into_iter().map(|step| view! { <Step field=field.clone() step /> }).collect();
    view! {
        <ul>{steps}</ul>
        <p class="help">{folder_summary(&listing)}</p>
        <template>
            <Step field=field.clone() step=FolderStep { icon: "folder", label: String::new(), path: String::new() } />
        </template>
    }
}

#[component]
fn Step(field: String, step: FolderStep) -> impl IntoView {
    view! {
        <li>
            <button type="submit" name="$browse" value=format!("{field}={}", step.path) data-path=step.path>
                <Icon name=step.icon />
                <span>{step.label}</span>
            </button>
        </li>
    }
}
