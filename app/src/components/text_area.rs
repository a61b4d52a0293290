//! Escaping of raw text elements, and the only `<textarea>` of all forms.

use std::borrow::Cow;

use leptos::prelude::*;

/// Returns `text` with `&` and `<` as character references.
///
/// Leptos writes the children of `<textarea>` and the title of `leptos_meta` without escaping them. Both elements
/// contain text and character references (RCDATA), so only these two characters can end the element or change the text.
pub(crate) fn escape_rcdata(text: &str) -> Cow<'_, str> {
    if text.contains(['&', '<']) { text.replace('&', "&amp;").replace('<', "&lt;").into() } else { text.into() }
}

/// A text field of several lines; attributes are spread on it (`attr:name=…`).
///
/// The only `<textarea>` of the program: `app/tests/raw_text.rs` checks it.
#[component]
pub(crate) fn TextArea(text: String) -> impl IntoView {
    // The parser drops a line break after the tag: without this one, the text would lose its first.
    let text = format!("\n{}", escape_rcdata(&text));
    view! { <textarea class="input">{text}</textarea> }
}
