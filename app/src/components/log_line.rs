//! Log lines and the text around them.

use leptos::{either::Either, prelude::*};
use model::{JobId, LogLine, count};
use wasm_bindgen::JsCast;
use web_sys::Element;

use super::{Timestamp, timestamp::write_time};
use crate::{
    base_path::url,
    browser::{set, set_text},
};

/// `1,204 lines`.
pub fn line_count(total: u64) -> String {
    if total == 1 { "1 line".to_owned() } else { format!("{} lines", count(total)) }
}

/// Label of the button that scrolls to the end, with the number of lines added since.
pub fn jump_to_end(unseen: u64) -> String {
    if unseen == 0 { "Jump to end".to_owned() } else { format!("Jump to end, {} new", count(unseen)) }
}

/// One log line. Its number is a permanent link that works without script.
#[component]
pub fn LogRow(job: JobId, number: u64, line: LogLine) -> impl IntoView {
    let (at, level) = (line.at, line.level.as_str());
    view! {
        <div class="line" data-level=level id=format!("L{number}")>
            <a class="n" href=line_link(job, number) tabindex="-1">
                {number}
            </a>
            <Timestamp at clock=true />
            <span class="level">{level}</span>
            <span>{styled(line)}</span>
        </div>
    }
}

/// The text of a line, with a `<span>` for each piece that has ANSI styles.
fn styled(line: LogLine) -> impl IntoView {
    if line.styles.is_plain() {
        return Either::Left(line.text);
    }
    let mut pieces = Vec::new();
    line.styles.spans(&line.text, |style, piece| {
        let (style, piece) = (style.to_owned(), piece.to_owned());
        pieces.push(view! { <span data-paint=style>{piece}</span> });
    });
    Either::Right(pieces)
}

/// Rewrites `row`, drawn as a [`LogRow`], for another line.
pub fn write_line(row: &Element, job: JobId, number: u64, line: &LogLine) {
    let level = line.level.as_str();
    set(row, "data-level", Some(level));
    set(row, "id", Some(&format!("L{number}")));
    let parts = row.children();
    let [anchor, time, word, text] = [0, 1, 2, 3].map(|place| parts.item(place));
    if let (Some(anchor), Some(time), Some(word), Some(text)) = (anchor, time, word, text) {
        set(&anchor, "href", Some(&line_link(job, number)));
        set_text(&anchor, &number.to_string());
        write_time(&time, line.at);
        set_text(&word, level);
        if line.styles.is_plain() {
            return set_text(&text, &line.text);
        }
        set_text(&text, "");
        line.styles.spans(&line.text, |style, piece| {
            // Clone the text's element without its content.
            let Ok(part) = text.clone_node_with_deep(false).map(JsCast::unchecked_into::<Element>) else { return };
            set(&part, "data-paint", Some(style));
            set_text(&part, piece);
            // Fails only if the element is its own parent.
            let _ = text.append_child(&part);
        });
    }
}

/// The permanent link of a log line.
pub fn line_link(job: JobId, number: u64) -> String {
    url(&format!("/jobs/{job}?line={number}#L{number}"))
}
