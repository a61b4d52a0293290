//! Escaping for elements whose content Leptos writes as it is, and the one `<textarea>` of all forms.

use std::borrow::Cow;

use leptos::prelude::*;

/// Returns `text` with `&` and `<` as character references.
///
/// Leptos writes the children of `<textarea>` and the title of `leptos_meta` without escaping them. Both elements hold
/// text and character references (RCDATA), so these two characters are all that could end the element or change the text.
pub(crate) fn escape_rcdata(text: &str) -> Cow<'_, str> {
    if text.contains(['&', '<']) { text.replace('&', "&amp;").replace('<', "&lt;").into() } else { text.into() }
}

/// A text field of several lines with what it contains; its attributes are spread on it (`attr:name=…`).
///
/// The only `<textarea>` of the program: `app/tests/raw_text.rs`.
#[component]
pub(crate) fn TextArea(text: String) -> impl IntoView {
    // The parser drops a line break that follows the tag: without this one, the first of the text would go.
    let text = format!("\n{}", escape_rcdata(&text));
    view! { <textarea class="input">{text}</textarea> }
}
