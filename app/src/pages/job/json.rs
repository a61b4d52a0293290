//! JSON as people read it: indented, with keys, texts, numbers and words told apart.

use leptos::prelude::*;
use serde_json::Value;

/// The value, laid out over several lines in a box that can be scrolled by keyboard.
#[component]
pub(in crate::pages) fn Json(
    /// The value.
    value: Value,
    /// What it is, for those who do not see it.
    label: &'static str,
    /// What the copy button finds it by.
    id: &'static str,
) -> impl IntoView {
    let mut pieces = Vec::new();
    write(&value, 0, &mut pieces);
    let pieces: Vec<_> = pieces
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
    }
}

/// Appends `value` as pairs of class and text; plain text has no class.
fn write(value: &Value, depth: usize, out: &mut Vec<(&'static str, String)>) {
    match value {
        Value::Null | Value::Bool(_) => out.push(("word", value.to_string())),
        Value::Number(number) => out.push(("num", number.to_string())),
        Value::String(_) => out.push(("text", value.to_string())),
        Value::Array(items) => {
            let items = items.iter().map(|item| (None, item));
            write_all(['[', ']'], items, depth, out);
        }
        Value::Object(members) => {
            let members = members.iter().map(|(key, member)| (Some(key), member));
            write_all(['{', '}'], members, depth, out);
        }
    }
}

fn write_all<'a>(
    brackets: [char; 2],
    members: impl ExactSizeIterator<Item = (Option<&'a String>, &'a Value)>,
    depth: usize,
    out: &mut Vec<(&'static str, String)>,
) {
    let [open, close] = brackets;
    let last = members.len();
    if last == 0 {
        out.push(("", format!("{open}{close}")));
        return;
    }
    out.push(("", open.to_string()));
    for (i, (key, member)) in members.enumerate() {
        let comma = if i == 0 { "" } else { "," };
        out.push(("", format!("{comma}\n{}", "  ".repeat(depth + 1))));
        if let Some(key) = key {
            out.push(("key", Value::from(key.as_str()).to_string()));
            out.push(("", ": ".to_owned()));
        }
        write(member, depth + 1, out);
    }
    out.push(("", format!("\n{}{close}", "  ".repeat(depth))));
}
