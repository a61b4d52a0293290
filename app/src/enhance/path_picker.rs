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

/// Path picker: opens the listings in `.folder-field` without leaving the page. A choice writes its path into the
/// field.
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
    /// What can be chosen, for the server.
    takes: String,
}

impl Picker {
    fn new(field: &Element) -> Option<Self> {
        Some(Self {
            input: first(field, "input")?.dyn_into().ok()?,
            browse: first(field, "[aria-expanded]")?,
            panel: first(field, ".folders")?.dyn_into().ok()?,
            takes: field.get_attribute("data-takes")?,
        })
    }

    fn clicked(self: &Rc<Self>, event: &Event) {
        let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        let Some(button) = target.and_then(|target| target.closest("button").ok().flatten()) else { return };
        event.prevent_default();
        if let Some(path) = button.get_attribute("data-chooses") {
            self.input.set_value(&path);
            self.close();
        } else if let Some(path) = button.get_attribute("data-path") {
            self.go(path);
        } else if self.panel.has_attribute("hidden") {
            self.go(self.input.value());
        } else {
            self.open(false);
        }
    }

    fn typed(&self, event: &Event) {
        let escape = event.dyn_ref::<KeyboardEvent>().is_some_and(|event| event.key() == "Escape");
        if escape && !self.panel.has_attribute("hidden") {
            self.close();
        }
    }

    fn close(&self) {
        self.open(false);
        // Fails only for an element that is not in the document.
        let _ = self.input.focus();
    }

    fn open(&self, open: bool) {
        hide(&self.panel, !open);
        set(&self.browse, "aria-expanded", Some(if open { "true" } else { "false" }));
    }

    /// Shows the folder `path`. If that fails, shows the error and the roots.
    fn go(self: &Rc<Self>, path: String) {
        let picker = Rc::clone(self);
        spawn_local(async move {
            let (listing, trouble) = match picker.list(&path).await {
                Ok(listing) => (listing, String::new()),
                Err(refusal) => (picker.list("").await.unwrap_or_default(), refusal.message),
            };
            picker.show(&listing, &trouble);
        });
    }

    fn show(&self, listing: &FolderListing, trouble: &str) {
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
                    set(&button, if step.chooses { "data-chooses" } else { "data-path" }, Some(&step.path));
                }
                // Fails only if the list is inside its own item.
                let _ = places.append_child(&item);
            }
        }
        self.open(true);
        // Fails only for an element that is not in the document.
        let _ = self.panel.focus();
    }

    /// Returns what is in the folder `path`; in the roots if it is empty.
    async fn list(&self, path: &str) -> Result<FolderListing, RequestError> {
        let arguments = UrlSearchParams::new()?;
        arguments.append("path", path);
        arguments.append("takes", &self.takes);
        let answer = browser::post(&url("/api/folders"), &arguments).await?;
        Ok(from_str(&answer.body).unwrap_or_default())
    }
}
