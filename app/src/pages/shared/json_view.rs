//! JSON view: indented, highlighted and cut.

use super::text;
use leptos::prelude::*;
use serde_json::Value;

/// Longest text, bytes.
const MOST_BYTES: usize = 4 << 10;
/// Most lines.
const MOST_LINES: usize = 100;

#[derive(Clone, Debug, Default)]
pub(in crate::pages) struct JsonText {
    /// Class and text; plain text has no class.
    pieces: Vec<(&'static str, String)>,
    bytes: usize,
    lines: usize,
    is_cut: bool,
}

impl JsonText {
    pub(in crate::pages) fn of(value: &Value) -> Self {
        let mut text = Self::default();
        text.write(value, 0);
        text
    }

    pub(in crate::pages) const fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Adds a piece, cut at the limits.
    fn push(&mut self, class: &'static str, mut piece: String) {
        if self.is_cut {
            return;
        }
        self.lines += piece.matches('\n').count();
        let room = MOST_BYTES - self.bytes;
        if piece.len() > room || self.lines > MOST_LINES {
            piece.truncate(piece.floor_char_boundary(room));
            piece.push('…');
            self.is_cut = true;
        }
        self.bytes += piece.len();
        self.pieces.push((class, piece));
    }

    fn write(&mut self, value: &Value, depth: usize) {
        match value {
            Value::Null | Value::Bool(_) => self.push("word", value.to_string()),
            Value::Number(number) => self.push("num", number.to_string()),
            Value::String(text) => self.push("text", quoted(text)),
            Value::Array(items) => {
                let items = items.iter().map(|item| (None, item));
                self.write_all(['[', ']'], items, depth);
            }
            Value::Object(members) => {
                let members = members.iter().map(|(key, member)| (Some(key), member));
                self.write_all(['{', '}'], members, depth);
            }
        }
    }

    fn write_all<'a>(
        &mut self,
        brackets: [char; 2],
        members: impl ExactSizeIterator<Item = (Option<&'a String>, &'a Value)>,
        depth: usize,
    ) {
        let [open, close] = brackets;
        if members.len() == 0 {
            self.push("", format!("{open}{close}"));
            return;
        }
        self.push("", open.to_string());
        for (i, (key, member)) in members.enumerate() {
            if self.is_cut {
                return;
            }
            let comma = if i == 0 { "" } else { "," };
            self.push("", format!("{comma}\n{}", "  ".repeat(depth + 1)));
            if let Some(key) = key {
                self.push("key", quoted(key));
                self.push("", ": ".to_owned());
            }
            self.write(member, depth + 1);
        }
        self.push("", format!("\n{}{close}", "  ".repeat(depth)));
    }
}

/// Quotes a string; of a long one, enough to be cut later.
fn quoted(text: &str) -> String {
    Value::from(&text[..text.floor_char_boundary(MOST_BYTES + 4)]).to_string()
}

/// A box that can be scrolled by keyboard.
#[component]
pub(in crate::pages) fn Json(
    text: JsonText,
    /// Its name, for screen readers.
    label: &'static str,
    /// The id that the copy button uses.
    id: &'static str,
    /// The address of the complete file.
    #[prop(optional_no_strip)]
    whole: Option<String>,
) -> impl IntoView {
    let cut = text.is_cut.then(|| {
        view! {
            <p class="hint">
                {text::CUT}
                {whole.map(|href| view! { <a href=href download="">{text::DOWNLOAD_ALL}</a> })}
            </p>
        }
    });
    let pieces: Vec<_> = text
        .pieces
        .into_iter()
        .map(|(class, text)| match class {
            "" => text.into_any(),
            class => view! { <span class=class>{text}</span> }.into_any(),
        })
        .collect();
    view! {
        <pre class="code" tabindex="0" aria-label=label id=id>
            {pieces}
        </pre>
        {cut}
    }
}
