use std::rc::Rc;

use leptos::{prelude::*, serde_json::from_str, task::spawn_local};
use model::FolderListing;
use wasm_bindgen::JsCast;
use web_sys::{Element, Event, HtmlElement, HtmlInputElement, KeyboardEvent, UrlSearchParams};

use crate::{
    base_path::url,
    browser::{self, RequestError, all, first, hide, set, set_icon, set_text},
    components::{folder_steps, folder_summary},
};

/// Folder picker: opens the listings in `.folder-field` without leaving the page. Going into a folder writes its path
/// into the field, so the field always names the folder shown.
pub(super) fn start() {
    for field in all(&document(), ".folder-field") {
        let Some(picker) = Picker::new(&field).map(Rc::new) else { continue };
        browser::on_with(&field, "click", &picker, Picker::clicked);
        browser::on_with(&field, "keydown", &picker, |picker, event| picker.typed(event));
    }
}

struct Picker {
    input: HtmlInputElement,
    browse: Element,
    panel: HtmlElement,
}

impl Picker {
    fn new(field: &Element) -> Option<Self> {
        Some(Self {
            input: first(field, "input")?.dyn_into().ok()?,
            browse: first(field, "[aria-expanded]")?,
            panel: first(field, ".folders")?.dyn_into().ok()?,
        })
    }

    fn clicked(self: &Rc<Self>, event: &Event) {
        let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        let Some(button) = target.and_then(|target| target.closest("button").ok().flatten()) else { return };
        event.prevent_default();
        match button.get_attribute("data-path") {
            Some(path) => self.go(path),
            None if self.panel.has_attribute("hidden") => self.go(self.input.value()),
            None => self.open(false),
        }
    }

    fn typed(&self, event: &Event) {
        let escape = event.dyn_ref::<KeyboardEvent>().is_some_and(|event| event.key() == "Escape");
        if escape && !self.panel.has_attribute("hidden") {
            self.open(false);
            // Fails only for an element that is not in the document.
            let _ = self.input.focus();
        }
    }

    fn open(&self, open: bool) {
        hide(&self.panel, !open);
        set(&self.browse, "aria-expanded", Some(if open { "true" } else { "false" }));
    }

    /// Shows the folders in `path`. If that fails, shows the error and the roots.
    fn go(self: &Rc<Self>, path: String) {
        let picker = Rc::clone(self);
        spawn_local(async move {
            let (listing, trouble) = match list(&path).await {
                Ok(listing) => (listing, String::new()),
                Err(refusal) => (list("").await.unwrap_or_default(), refusal.message),
            };
            picker.show(&listing, &trouble);
        });
    }

    fn show(&self, listing: &FolderListing, trouble: &str) {
        if let Some(path) = &listing.path {
            self.input.set_value(path);
        }
        if let Some(place) = first(&self.panel, ".error") {
            hide(&place, trouble.is_empty());
            set_text(&place, trouble);
        }
        if let Some(place) = first(&self.panel, ".help") {
            set_text(&place, &folder_summary(listing));
        }
        if let Some(places) = first(&self.panel, "ul") {
            places.set_text_content(None);
            for step in folder_steps(listing) {
                let Some(item) = browser::clone_template(&self.panel) else { return };
                if let Some(icon) = first(&item, ".icon") {
                    set_icon(&icon, step.icon);
                }
                if let Some(label) = first(&item, "span") {
                    set_text(&label, &step.label);
                }
                if let Some(button) = item.first_element_child() {
                    set(&button, "data-path", Some(&step.path));
                }
                // Fails only if the list is inside its own item.
                let _ = places.append_child(&item);
            }
        }
        self.open(true);
        // Fails only for an element that is not in the document.
        let _ = self.panel.focus();
    }
}

/// Returns the folders in `path`; the roots if it is empty.
async fn list(path: &str) -> Result<FolderListing, RequestError> {
    let arguments = UrlSearchParams::new()?;
    if !path.is_empty() {
        arguments.append("path", path);
    }
    let answer = browser::post(&url("/api/folders"), &arguments).await?;
    Ok(from_str(&answer.body).unwrap_or_default())
}
