//! Catalogue of tasks.

use std::collections::BTreeMap;

use engine::TaskInfo;
use leptos::prelude::*;
use leptos_meta::Title;

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

/// `/new`: choose a task.
#[component]
pub fn Catalogue() -> impl IntoView {
    view! {
        <Title text=text::NEW_JOB />
        <header class="page-head">
            <h1>{text::NEW_JOB}</h1>
            <p class="lead">{text::CATALOGUE_LEAD}</p>
        </header>
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
            let cards: Vec<_> = engine.startable().map(card).collect();
            view! { <ul class="task-cards">{cards}</ul> }
        })}
    }
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
        <nav class="catalogue" aria-label=text::TASKS>
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
