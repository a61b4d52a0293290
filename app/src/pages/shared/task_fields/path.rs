//! Path picker of a task's form.

use leptos::prelude::*;
use model::{FolderListing, PathKind};

use super::Control;
use crate::components::{FolderStep, Icon, folder_steps, folder_summary};
use crate::pages::shared::text;

/// A path, and a list of folders and files: a folder opens, and the buttons with a choice fill the field. Without script
/// each button submits the form, which comes back with everything kept. [`crate::enhance::PathPickers`] works without
/// leaving the page.
#[component]
pub(super) fn PathField(
    control: Control,
    takes: PathKind,
    listing: Option<FolderListing>,
    /// The path was just chosen: the page continues here.
    chosen: bool,
) -> impl IntoView {
    let panel = format!("{}-folders", control.id);
    // A page that comes back with a list focuses it.
    let looking = listing.is_some();
    let label = if takes.has_files() { text::FILES_ON_THE_SERVER } else { text::FOLDERS_ON_THE_SERVER };
    view! {
        <div class="folder-field" data-takes=takes.as_str()>
            <div class="with-unit">
                <input
                    class="input mono"
                    type="text"
                    id=control.id.clone()
                    name=control.name.clone()
                    value=control.text.clone()
                    autocomplete="off"
                    spellcheck="false"
                    autofocus=chosen
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
                aria-label=label
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
        // The style hides it without text; for an empty text Leptos writes a space.
        <p class="help">{Some(folder_summary(&listing)).filter(|text| !text.is_empty())}</p>
        <template>
            <Step field=field.clone() step=FolderStep { icon: "folder", ..FolderStep::default() } />
        </template>
    }
}

#[component]
fn Step(field: String, step: FolderStep) -> impl IntoView {
    view! {
        <li>
            <button
                type="submit"
                name=if step.chooses { "$choose" } else { "$browse" }
                value=format!("{field}={}", step.path)
                data-path=(!step.chooses).then(|| step.path.clone())
                data-chooses=step.chooses.then(|| step.path.clone())
            >
                <Icon name=step.icon />
                <span>{step.label}</span>
            </button>
        </li>
    }
}
