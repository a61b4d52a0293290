//! The lines of a log, and what is said around them.

use leptos::prelude::*;
use model::{JobId, LogLine, count};
use web_sys::Element;

use super::{When, time::write_time};
use crate::{
    base::at,
    browser::{set, set_text},
};

/// `1,204 lines`.
pub fn lines(total: u64) -> String {
    if total == 1 { "1 line".to_owned() } else { format!("{} lines", count(total)) }
}

/// The word for the way to the end, behind so many new lines.
pub fn jump_to_end(unseen: u64) -> String {
    if unseen == 0 { "Jump to the end".to_owned() } else { format!("Jump to the end, {} new", count(unseen)) }
}

/// One line of a log. Its number is a link to it, which works without script and long after.
#[component]
pub fn LogRow(
    /// Whose log.
    job: JobId,
    /// Its number.
    number: u64,
    /// What it says.
    line: LogLine,
) -> impl IntoView {
    view! {
        <div class="line" data-level=line.level.as_str() id=format!("L{number}")>
            <a class="n" href=line_href(job, number) tabindex="-1">
                {number}
            </a>
            <When at=line.at clock=true />
            <span class="level">{line.level.as_str()}</span>
            <span>{line.text}</span>
        </div>
    }
}

/// Makes `row`, drawn as a [`LogRow`], show another line.
pub fn write_line(row: &Element, job: JobId, number: u64, line: &LogLine) {
    let level = line.level.as_str();
    set(row, "data-level", Some(level));
    set(row, "id", Some(&format!("L{number}")));
    let parts = row.children();
    let [anchor, time, word, text] = [0, 1, 2, 3].map(|place| parts.item(place));
    if let (Some(anchor), Some(time), Some(word), Some(text)) = (anchor, time, word, text) {
        set(&anchor, "href", Some(&line_href(job, number)));
        set_text(&anchor, &number.to_string());
        write_time(&time, line.at);
        set_text(&word, level);
        set_text(&text, &line.text);
    }
}

fn line_href(job: JobId, number: u64) -> String {
    at(&format!("/jobs/{job}?line={number}#L{number}"))
}
