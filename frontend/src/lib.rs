//! Browser entry: hydrates the islands that the server rendered.

use app as _; // keeps the islands' exported hydrate functions in the wasm

/// Called by the page's script once the wasm is loaded.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    leptos::mount::hydrate_islands();
}
