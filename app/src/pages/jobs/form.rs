//! Filter form of the job list.

use leptos::prelude::*;

use super::filter::{Filter, Since, Tab};
use super::text;
use crate::{base_path::url, components::Icon, context::app};

#[component]
pub(super) fn FilterForm(filter: Filter) -> impl IntoView {
    let hides = filter.hides();
    let cleared = filter.cleared().href();
    view! {
        <form class="filter-bar" role="search" method="get" action=url("/jobs") data-applies="">
            {(filter.tab != Tab::All).then(|| view! { <input type="hidden" name="state" value=filter.tab.word() /> })}
            <label class="filter-box">
                <Icon name="search" />
                <span class="visually-hidden">{text::SEARCH_LABEL}</span>
                <input
                    type="search"
                    name="q"
                    value=filter.text.clone()
                    maxlength="200"
                    placeholder=text::SEARCH_PLACEHOLDER
                    autocomplete="off"
                />
            </label>
            <KindChoice chosen=filter.kind />
            <SinceChoice chosen=filter.since />
            // With script, a choice applies at once, and Enter applies a text.
            <noscript>
                <button class="button" type="submit">
                    <Icon name="filter" />
                    {text::FILTER}
                </button>
            </noscript>
            {hides
                .then(|| {
                    view! {
                        <a class="button quiet" href=cleared>
                            {text::CLEAR}
                        </a>
                    }
                })}
        </form>
    }
}

/// The tasks of this server, and the chosen one if it is not registered: its jobs may still exist.
#[component]
fn KindChoice(chosen: Option<String>) -> impl IntoView {
    let mut kinds: Vec<(String, String)> =
        app().engine.catalogue().iter().map(|task| (task.kind.as_str().to_owned(), task.name.to_owned())).collect();
    if let Some(kind) = &chosen
        && kinds.iter().all(|(known, _)| known != kind)
    {
        kinds.push((kind.clone(), kind.clone()));
    }
    let option = |(kind, name): (String, String)| {
        let selected = chosen.as_ref() == Some(&kind);
        view! { <option value=kind selected=selected>{name}</option> }
    };
    view! {
        <select class="input" name="kind" aria-label=text::KIND>
            <option value="">{text::ALL_TASKS}</option>
            {kinds.into_iter().map(option).collect::<Vec<_>>()}
        </select>
    }
}

#[component]
fn SinceChoice(chosen: Option<Since>) -> impl IntoView {
    let option = |since: Since| {
        view! { <option value=since.word() selected=chosen == Some(since)>{since.label()}</option> }
    };
    view! {
        <select class="input" name="since" aria-label=text::CREATED>
            <option value="">{text::ANY_TIME}</option>
            {Since::ALL.into_iter().map(option).collect::<Vec<_>>()}
        </select>
    }
}
