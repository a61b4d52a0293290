//! Catalogue of tasks.

use std::collections::BTreeMap;

use engine::TaskInfo;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use super::text;
use crate::{
    base_path::url,
    components::{Icon, kind_icon},
    context::app,
    layout::deferred,
    pages::shared::TaskCard,
};

/// Typical durations of each kind, seconds: the median and the 90th percentile.
pub(super) type TypicalDurations = BTreeMap<String, (f64, f64)>;

/// From this number of tasks on, the catalogue has a search.
const SEARCH_FROM: usize = 12;

/// `/new`: choose a task. `?text=WORDS` searches.
#[component]
pub fn Catalogue() -> impl IntoView {
    let text = use_query_map().read_untracked().get("text").unwrap_or_default();
    let many = app().engine.startable().count() >= SEARCH_FROM;
    let search = (many || !text.is_empty()).then(|| {
        view! {
            <form class="actions task-search" method="get" action=url("/new") role="search">
                <input
                    class="input"
                    type="search"
                    name="text"
                    value=text.clone()
                    aria-label=text::SEARCH_TASKS
                    placeholder=text::SEARCH_TASKS
                />
                <button class="button" type="submit">
                    {text::SEARCH}
                </button>
            </form>
        }
    });
    view! {
        <Title text=text::NEW_JOB />
        <header class="page-head">
            <h1>{text::NEW_JOB}</h1>
            <p class="lead">{text::CATALOGUE_LEAD}</p>
        </header>
        {search}
        {deferred(async move {
            let usual = typical_durations().await;
            let card = |task: &TaskInfo| {
                let kind = task.kind.as_str();
                let half = usual.get(kind).map(|(half, _)| *half);
                view! {
                    <TaskCard task=task.clone() href=url(&format!("/new/{kind}"))>
                        {half.map(|half| view! { <small>{usually(half)}</small> })}
                    </TaskCard>
                }
            };
            let engine = app().engine;
            let groups = groups(engine.startable().filter(|task| matches(task, &text)));
            let none = groups.is_empty().then(|| view! { <p class="hint">{text::NO_MATCHING_TASKS}</p> });
            let group = |(name, tasks): (&'static str, Vec<&TaskInfo>)| {
                view! {
                    <section class="task-group" aria-label=name>
                        <h2>{name}</h2>
                        <ul class="task-cards">{tasks.into_iter().map(card).collect::<Vec<_>>()}</ul>
                    </section>
                }
            };
            let groups: Vec<_> = groups.into_iter().map(group).collect();
            view! {
                <div class="part" data-part="tasks">
                    {none} {groups}
                </div>
            }
        })}
    }
}

/// Built-in groups, before those of commands.
const GROUPS: [&str; 3] = [text::DATA, text::FILES, text::MAINTENANCE];

/// Groups the tasks: the built-in groups first, then those of commands by name, then tasks without a group.
fn groups<'a>(tasks: impl Iterator<Item = &'a TaskInfo>) -> Vec<(&'static str, Vec<&'a TaskInfo>)> {
    let mut groups = BTreeMap::<(usize, &'static str), Vec<&TaskInfo>>::new();
    for task in tasks {
        let name = task.group.unwrap_or_else(|| group_of(task.kind.as_str()));
        let place = GROUPS.iter().position(|group| *group == name);
        let place = place.unwrap_or(if name == text::OTHER { usize::MAX } else { GROUPS.len() });
        groups.entry((place, name)).or_default().push(task);
    }
    groups.into_iter().map(|((_, name), tasks)| (name, tasks)).collect()
}

/// The group of a built-in task.
fn group_of(kind: &str) -> &'static str {
    match kind {
        "import-csv" | "sql-export" | "check-links" => text::DATA,
        "archive" | "unpack" | "checksum" | "resize-images" => text::FILES,
        "backup" | "prune" => text::MAINTENANCE,
        _ => text::OTHER,
    }
}

/// Whether a task has every word of the search.
fn matches(task: &TaskInfo, search: &str) -> bool {
    let words = format!("{} {} {}", task.kind, task.name, task.about).to_lowercase();
    search.to_lowercase().split_whitespace().all(|word| words.contains(word))
}

/// The tasks beside a form, to switch to another.
#[component]
pub(super) fn TaskList(current: &'static str, usual: TypicalDurations) -> impl IntoView {
    let link = |task: &TaskInfo| {
        let kind = task.kind.as_str();
        let hint = usual.get(kind).map_or_else(|| first_words(task.about), |&(half, _)| usually(half));
        view! {
            <a href=url(&format!("/new/{kind}")) aria-current=(kind == current).then_some("page")>
                <span class="kind">
                    <Icon name=kind_icon(kind) />
                </span>
                <b>{task.name}</b>
                <small>{hint}</small>
            </a>
        }
    };
    view! {
        <nav class="catalogue" aria-label=text::TASKS data-part="tasks">
            {app().engine.startable().map(link).collect::<Vec<_>>()}
        </nav>
    }
}

/// Returns typical durations from the history; none if the store fails.
pub(super) async fn typical_durations() -> TypicalDurations {
    let stats = app().engine.kind_stats().await.unwrap_or_default();
    stats.into_iter().filter_map(|row| Some((row.kind, (row.usual_seconds?, row.slow_seconds?)))).collect()
}

fn usually(seconds: f64) -> String {
    text::usually(&rounded_duration(seconds))
}

/// Formats a duration without false precision: no seconds from ten minutes on, no minutes from ten hours on.
pub(super) fn rounded_duration(seconds: f64) -> String {
    let step = match seconds {
        ..1.0 => return text::LESS_THAN_A_SECOND.to_owned(),
        ..600.0 => 1.0,
        ..36_000.0 => 60.0,
        _ => 3_600.0,
    };
    let text = model::duration((seconds / step).round() * step);
    text.trim_end_matches(" 00 s").trim_end_matches(" 00 min").trim_end_matches(" 00 h").to_owned()
}

/// Returns the first sentence without its full stop.
fn first_words(about: &str) -> String {
    about.split_once(". ").map_or(about, |(first, _)| first).trim_end_matches('.').to_owned()
}
