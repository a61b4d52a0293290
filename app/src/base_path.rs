//! Base path: the prefix of all addresses, for a server that shares its host with other programs behind a proxy.

#[cfg(feature = "ssr")]
static BASE_PATH: std::sync::OnceLock<String> = std::sync::OnceLock::new();

/// Sets the prefix, such as `/milepost`; empty for none. Call it before anything is rendered: the first call counts.
#[cfg(feature = "ssr")]
pub fn set(path: String) {
    BASE_PATH.get_or_init(|| path);
}

#[cfg(feature = "ssr")]
pub fn base_path() -> &'static str {
    BASE_PATH.get().map_or("", String::as_str)
}

/// Reads the prefix from the document's `data-base`.
#[cfg(not(feature = "ssr"))]
fn base_path() -> String {
    let root = leptos::prelude::document().document_element();
    root.and_then(|root| root.get_attribute("data-base")).unwrap_or_default()
}

/// Returns `path`, which begins with `/`, below the base path.
pub fn url(path: &str) -> String {
    format!("{}{path}", base_path())
}
