//! Leptos, with another JSON: `#[island]` reads the properties of an island with `leptos::serde_json`, and this crate
//! takes the place of `leptos` in `app`. In the browser [`serde_json`] is then the browser's own parser.

pub use leptos::*;

/// JSON on the server.
#[cfg(not(target_family = "wasm"))]
pub mod serde_json {
    pub use ::serde_json::{from_str, to_string};

    /// JSON that is kept as text. Only the browser reads any.
    #[derive(Debug, Default, serde::Deserialize)]
    pub struct RawJson(pub String);
}

#[cfg(target_family = "wasm")]
pub mod serde_json;
