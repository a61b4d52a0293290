//! Choosing a folder on the server.

use leptos::{
    ev::{KeyboardEvent, MouseEvent},
    html::{Div, Input},
    prelude::*,
    task::spawn_local,
};
use model::FolderListing;

use crate::{api::folders, ui::Icon};

/// A path, and a list of folders to find it by. Going into a folder also writes its path into the field, so the
/// field always names what the list shows.
///
/// Without script each button of the list sends the form, which comes back with everything kept and the next list.
#[island]
pub fn FolderField(
    name: String,
    path: String,
    required: bool,
    invalid: bool,
    described_by: String,
    listing: Option<FolderListing>,
) -> impl IntoView {
    let input = NodeRef::<Input>::new();
    let panel = NodeRef::<Div>::new();
    // A page that comes back with a list goes on there, also without script.
    let looking = listing.is_some();
    let listing = RwSignal::new(listing);
    let trouble = RwSignal::new(None);
    let open = move || listing.read().is_some();
    let go = move |path: Option<String>| {
        spawn_local(async move {
            trouble.set(None);
            let found = match folders(path).await {
                Ok(found) => found,
                Err(error) => {
                    trouble.set(Some(error.message));
                    folders(None).await.unwrap_or_default()
                }
            };
            if let (Some(path), Some(input)) = (&found.path, input.get_untracked()) {
                input.set_value(path);
            }
            listing.set(Some(found));
            request_animation_frame(move || drop(panel.get_untracked().map(|panel| panel.focus())));
        });
    };
    let browse = move |event: MouseEvent| {
        event.prevent_default();
        let typed = input.get_untracked().map(|input| input.value());
        if open() { listing.set(None) } else { go(typed) }
    };
    let close_on_escape = move |event: KeyboardEvent| {
        if event.key() == "Escape" && open() {
            listing.set(None);
            drop(input.get_untracked().map(|input| input.focus()));
        }
    };
    let id = format!("field-{name}");
    let field = StoredValue::new(name.clone());
    view! {
        <div class="folder-field" on:keydown=close_on_escape>
            <div class="with-unit">
                <input
                    class="input mono"
                    type="text"
                    id=id.clone()
                    name=name.clone()
                    value=path
                    autocomplete="off"
                    spellcheck="false"
                    aria-describedby=described_by
                    aria-invalid=invalid.then_some("true")
                    aria-required=required.then_some("true")
                    node_ref=input
                />
                <button
                    class="button"
                    type="submit"
                    name="$browse"
                    value=name
                    aria-expanded=move || open().to_string()
                    aria-controls=format!("{id}-folders")
                    on:click=browse
                >
                    "Browse…"
                </button>
            </div>
            <div
                class="folders"
                id=format!("{id}-folders")
                role="group"
                aria-label="Folders on the server"
                tabindex="-1"
                autofocus=looking
                hidden=move || !open()
                node_ref=panel
            >
                <p class="error" hidden=move || trouble.read().is_none()>
                    {trouble}
                </p>
                {move || listing.get().map(|listing| folder_list(&field.read_value(), listing, go))}
            </div>
        </div>
    }
}

/// The list: one step up, then each folder.
fn folder_list(field: &str, listing: FolderListing, go: impl Fn(Option<String>) + Copy + 'static) -> AnyView {
    let step = |icon: &'static str, label: String, path: Option<String>| {
        let value = format!("{field}={}", path.as_deref().unwrap_or_default());
        let enter = move |event: MouseEvent| {
            event.prevent_default();
            go(path.clone());
        };
        view! {
            <li>
                <button type="submit" name="$browse" value=value on:click=enter>
                    <Icon name=icon />
                    {label}
                </button>
            </li>
        }
    };
    let up = listing.path.is_some().then(|| match &listing.parent {
        Some(parent) => step("up", format!("Up to {parent}"), Some(parent.clone())),
        None => step("up", "All folders that tasks may read".to_owned(), None),
    });
    let inside: Vec<_> =
        listing.folders.into_iter().map(|folder| step("folder", folder.name, Some(folder.path))).collect();
    let rest = match (listing.truncated, inside.is_empty()) {
        (true, _) => Some("There are more folders than are listed here; the rest can be typed."),
        (false, true) => Some("No folders in here."),
        (false, false) => None,
    };
    let files = listing.path.as_ref().map(|_| match listing.files {
        1 => "1 file lies directly in this folder.".to_owned(),
        files => format!("{} files lie directly in this folder.", model::count(files)),
    });
    view! {
        <ul>{up} {inside}</ul>
        <p class="help">{rest} " " {files}</p>
    }
    .into_any()
}
