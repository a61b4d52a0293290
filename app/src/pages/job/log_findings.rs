//! Findings in a log: the first error, and warnings grouped by what they say.

use engine::{AuthorizedJob, Result, store::LogQuery};
use leptos::prelude::*;
use model::{JobView, Level, LogLine, count};

use super::text;
use crate::components::line_link;

/// Most lines that are read for the groups.
const LINES: u32 = 1_000;
/// Most groups shown.
const GROUPS: usize = 10;

#[derive(Clone, Default)]
pub(super) struct Findings {
    /// The number of the first error line.
    first_error: Option<u64>,
    /// Most frequent first.
    groups: Vec<Group>,
    /// More warnings than were read.
    more: bool,
}

/// Warnings that differ only in numbers, paths and quoted names.
#[derive(Clone)]
struct Group {
    pattern: String,
    /// The text of its first line.
    text: String,
    first: u64,
    lines: usize,
}

impl Findings {
    /// Reads warnings and errors of an ended job, and of a running one that has counted warnings. Other logs are not
    /// searched: it takes time in proportion to their length.
    pub(super) async fn read(open: &AuthorizedJob, job: &JobView) -> Result<Self> {
        if !job.state.is_terminal() && job.progress.warnings == 0 {
            return Ok(Self::default());
        }
        let query = |level, limit| LogQuery { from: Some(1), level: Some(level), limit, ..LogQuery::default() };
        let page = open.log(&query(Level::Warn, LINES)).await?;
        let is_error = |line: &LogLine| line.level == Level::Error;
        let mut first_error = page.lines.iter().find(|(_, line)| is_error(line)).map(|(number, _)| *number);
        if first_error.is_none() && page.more_after {
            first_error = open.log(&query(Level::Error, 1)).await?.lines.first().map(|(number, _)| *number);
        }
        let warnings = page.lines.into_iter().filter(|(_, line)| !is_error(line));
        Ok(Self { first_error, groups: grouped(warnings), more: page.more_after })
    }
}

fn grouped(lines: impl Iterator<Item = (u64, LogLine)>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (number, line) in lines {
        let pattern = pattern(&line.text);
        match groups.iter_mut().find(|group| group.pattern == pattern) {
            Some(group) => group.lines += 1,
            None => groups.push(Group { pattern, text: line.text, first: number, lines: 1 }),
        }
    }
    groups.sort_by_key(|group| std::cmp::Reverse(group.lines));
    groups
}

/// The text with `…` for each word that has a digit or a slash, or begins or ends with a quote.
fn pattern(text: &str) -> String {
    let varies = |word: &str| {
        let quote = |letter: char| matches!(letter, '"' | '\'' | '`' | '“' | '”');
        word.contains(|letter: char| letter.is_numeric() || matches!(letter, '/' | '\\'))
            || word.starts_with(quote)
            || word.trim_end_matches([',', '.', ':', ';']).ends_with(quote)
    };
    let words: Vec<&str> = text.split_whitespace().map(|word| if varies(word) { "…" } else { word }).collect();
    words.join(" ")
}

/// A link that works without script.
#[component]
pub(super) fn FirstError(job: JobView, findings: Findings) -> impl IntoView {
    findings.first_error.map(|line| {
        view! {
            <a class="button small first-error" href=line_link(job.job, line)>
                {text::FIRST_ERROR}
            </a>
        }
    })
}

/// One row a group; hidden without warnings.
#[component]
pub(super) fn Warnings(job: JobView, findings: Findings) -> impl IntoView {
    (!findings.groups.is_empty()).then(|| {
        let hidden = findings.groups.len().saturating_sub(GROUPS);
        let sum: usize = findings.groups.iter().map(|group| group.lines).sum();
        let sum = count(sum as u64) + if findings.more { "+" } else { "" };
        let rows: Vec<_> = findings.groups.into_iter().take(GROUPS).map(|group| row(&job, group)).collect();
        view! {
            <section class="card" aria-labelledby="warnings">
                <header>
                    <h2 id="warnings">{text::WARNINGS}</h2>
                    <span class="count-badge">{sum}</span>
                    <span class="hint">{text::GROUPED}</span>
                </header>
                <table class="table">
                    <thead>
                        <tr>
                            <th scope="col">{text::WARNING}</th>
                            <th scope="col" class="number">{text::LINES}</th>
                            <th scope="col" class="number">{text::FIRST}</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
                {(hidden > 0).then(|| view! { <footer>{text::more_groups(&hidden)}</footer> })}
            </section>
        }
    })
}

fn row(job: &JobView, group: Group) -> impl IntoView + use<> {
    // A single warning is shown as it is.
    let words = if group.lines == 1 { group.text } else { group.pattern };
    view! {
        <tr>
            <th scope="row" class="said">{super::outcome::shorten(&words)}</th>
            <td class="number">{count(group.lines as u64)}</td>
            <td class="number">
                <a href=line_link(job.job, group.first)>{text::line(&group.first)}</a>
            </td>
        </tr>
    }
}
