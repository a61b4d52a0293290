//! Log card: a part of the log, with links to the others.

use leptos::prelude::*;
use model::{JobId, Level, LogLine, count};

use super::{
    data::{Data, JobQuery},
    log_findings::FirstError,
    percent_encoding::percent_encode,
    text,
};
use crate::{
    components::{Icon, LogRow, job_href, jump_to_end, line_count},
    enhance::JobLog,
};

/// Without script, the filter and the links load the page with another part; [`JobLog`] replaces that. Elements with
/// `data-wakes` are swapped when the script runs. Full screen is a popover, which the browser opens, and closes on Esc.
#[component]
pub(super) fn Log(data: Data) -> impl IntoView {
    let job = data.detail.view.job;
    let address = format!("{}#log", job_href(job));
    let at_end = !data.log.more_after;
    let line = LogLine::plain(data.now, Level::Info, "");
    view! {
        <section class="card log" id="log" popover="auto" aria-label=text::LOG data-log=job.to_string()>
            <form class="log-tools" method="get" action=address.clone()>
                <h2>{text::LOG}</h2>
                <span class="count-badge">{line_count(data.log.total)}</span>
                <Filter asked=data.asked.clone() />
                <span class="part" data-part="first-error">
                    <FirstError job=data.detail.view.clone() findings=data.findings.clone() />
                </span>
                <Tools job />
            </form>
            <div class="lines" role="log" aria-label=text::LOG_LINES aria-live="off" tabindex="0">
                <Part data />
            </div>
            <template>
                <LogRow job number=0 line />
            </template>
            <a class="button small jump" href=address hidden=at_end>
                <Icon name="end" />
                <span>{jump_to_end(0)}</span>
            </a>
            <JobLog />
        </section>
    }
}

#[component]
fn Filter(asked: JobQuery) -> impl IntoView {
    let choice = |value: &'static str, word: &'static str| {
        view! {
            <option value=value selected=asked.level.map_or("", Level::as_str) == value>
                {word}
            </option>
        }
    };
    view! {
        <input
            class="input"
            type="search"
            name="text"
            value=asked.text
            aria-label=text::FILTER_LOG_LINES
            placeholder=text::FILTER_LINES
        />
        <select class="input" name="level" aria-label=text::MINIMUM_LEVEL>
            {choice("", text::ALL_LEVELS)}
            {choice("info", text::INFO_AND_ABOVE)}
            {choice("warn", text::WARNINGS_AND_ERRORS)}
            {choice("error", text::ERRORS)}
        </select>
        <button class="button small" type="submit" data-wakes="">
            {text::FILTER}
        </button>
    }
}

#[component]
fn Tools(job: JobId) -> impl IntoView {
    view! {
        <div class="actions">
            <button
                class="button small"
                type="button"
                aria-pressed="true"
                data-log-does="follow"
                data-wakes=""
                hidden=true
            >
                <Icon name="end" />
                {text::FOLLOW}
            </button>
            <button
                class="button square quiet small"
                type="button"
                aria-label=text::WRAP_LONG_LINES
                title=text::WRAP_LONG_LINES
                aria-pressed="true"
                data-log-does="wrap"
                data-wakes=""
                hidden=true
            >
                <Icon name="wrap" />
            </button>
            <a
                class="button square quiet small"
                href=format!("{}/log", job_href(job))
                download=""
                aria-label=text::DOWNLOAD_THE_WHOLE_LOG
                title=text::DOWNLOAD_THE_WHOLE_LOG
            >
                <Icon name="download" />
            </a>
            <button
                class="button square quiet small"
                type="button"
                aria-label=text::FULL_SCREEN
                title=text::FULL_SCREEN
                popovertarget="log"
            >
                <Icon name="full" />
            </button>
        </div>
    }
}

/// Log lines, with links to those before and after. The island reads `data-last` and `data-end`.
#[component]
fn Part(data: Data) -> impl IntoView {
    let job = data.detail.view.job;
    let log = data.log;
    let first = log.lines.first().map(|(number, _)| *number);
    let last = log.lines.last().map(|(number, _)| *number);
    let asked = &data.asked;
    let empty = log.lines.is_empty().then_some(if log.total == 0 {
        text::NO_LOG_OUTPUT
    } else if asked.text.trim().is_empty() && asked.level.is_none() {
        text::LOG_DELETED
    } else {
        text::NO_MATCHING_LINES
    });
    let older = first.filter(|_| log.more_before).map(|first| {
        let href = address(job, asked, "before", first);
        let word = if asked.text.trim().is_empty() && asked.level.is_none() {
            text::show_older_lines(&count(first - 1))
        } else {
            text::SHOW_OLDER_LINES.to_owned()
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
                {text::SHOW_NEWER_LINES}
            </a>
        }
    });
    let end = !log.more_after;
    // A filter may hide the last line, and lines may be added after they were counted.
    let last = if end { log.total.max(last.unwrap_or(0)) } else { last.unwrap_or(log.total) };
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

/// Returns the address of another part of the log with the same filter.
fn address(job: JobId, asked: &JobQuery, side: &str, line: u64) -> String {
    let level = asked.level.map_or("", Level::as_str);
    let text = percent_encode(asked.text.trim());
    let mut address = format!("{}?{side}={line}", job_href(job));
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
