//! The log: a part of it, and ways to the other parts.

use leptos::prelude::*;
use model::{JobId, Level, count};

use super::{
    address::encoded,
    data::{Asked, Data},
};
use crate::{islands::JobLog, ui::LogRow};

/// The card of the log.
#[component]
pub(super) fn Log(data: Data) -> impl IntoView {
    let job = data.detail.view.clone();
    let asked = data.asked.clone();
    view! {
        <JobLog job text=asked.text.clone() level=asked.level total=data.log.total at_end=!data.log.more_after>
            <Part data />
        </JobLog>
    }
}

/// Some lines, with links to those before and after. The island reads `data-last` and `data-end`.
#[component]
fn Part(data: Data) -> impl IntoView {
    let job = data.detail.view.job;
    let log = data.log;
    let first = log.lines.first().map(|(number, _)| *number);
    let last = log.lines.last().map(|(number, _)| *number);
    let empty = log.lines.is_empty().then_some(if log.total == 0 {
        "Nothing has been logged yet."
    } else {
        "No line matches the filter."
    });
    let asked = &data.asked;
    let older = first.filter(|_| log.more_before).map(|first| {
        let href = address(job, asked, "before", first);
        let word = if asked.text.trim().is_empty() && asked.level.is_none() {
            format!("Show older lines ({} above)", count(first - 1))
        } else {
            "Show older lines".to_owned()
        };
        view! {
            <a class="older" href=href>
                {word}
            </a>
        }
    });
    let newer = last.filter(|_| log.more_after).map(|last| {
        view! {
            <a class="older newer" href=address(job, asked, "from", last + 1)>
                "Show newer lines"
            </a>
        }
    });
    let end = !log.more_after;
    // Behind a filter, the last line of the log is not the last one shown.
    let last = if end { log.total } else { last.unwrap_or(log.total) };
    let rows: Vec<_> = log.lines.into_iter().map(|(number, line)| view! { <LogRow job number line /> }).collect();
    view! {
        <div class="part" id="log-part" data-last=last data-end=end.to_string() data-total=log.total>
            {older}
            {rows}
            {empty.map(|text| view! { <p class="older none">{text}</p> })}
            {newer}
        </div>
    }
}

/// Where another part of the same log is shown, under the same filter.
fn address(job: JobId, asked: &Asked, side: &str, line: u64) -> String {
    let level = asked.level.map_or("", Level::as_str);
    let text = encoded(asked.text.trim());
    let mut address = format!("/jobs/{job}?{side}={line}");
    if !level.is_empty() {
        address.push_str("&level=");
        address.push_str(level);
    }
    if !text.is_empty() {
        address.push_str("&text=");
        address.push_str(&text);
    }
    address + "#log"
}
