//! Where all of Milepost's addresses begin: nowhere, or below a path that a proxy gives it beside other programs.

#[cfg(feature = "ssr")]
static BASE: std::sync::OnceLock<String> = std::sync::OnceLock::new();

/// Sets the path that everything lives below, such as `/milepost`; empty for none. The first call counts, which must
/// come before anything is rendered.
#[cfg(feature = "ssr")]
pub fn set(base: String) {
    BASE.get_or_init(|| base);
}

/// The path that everything lives below; empty for none.
#[cfg(feature = "ssr")]
pub fn base() -> &'static str {
    BASE.get().map_or("", String::as_str)
}

/// The same in the browser, which reads it from the document.
#[cfg(not(feature = "ssr"))]
fn base() -> String {
    let root = leptos::prelude::document().document_element();
    root.and_then(|root| root.get_attribute("data-base")).unwrap_or_default()
}

/// The address of `path`, which begins with `/`, as a browser asks for it.
pub fn at(path: &str) -> String {
    format!("{}{path}", base())
}
