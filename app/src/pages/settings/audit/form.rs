//! Filter form of the audit log.

use leptos::prelude::*;

use super::{filter::AuditFilter, sentence::ACTIONS, text};
use crate::{base_path::url, components::Icon};

#[component]
pub(super) fn FilterForm(
    filter: AuditFilter,
    /// The names of the invalid values.
    wrong: Vec<String>,
) -> impl IntoView {
    let hides = filter.hides();
    let invalid = |name: &str| wrong.iter().any(|wrong| wrong == name).then_some("true");
    let date = |name: &'static str, label: &'static str, value: Option<String>| {
        view! {
            <label class="dated">
                {label} <input class="input" type="date" name=name value=value aria-invalid=invalid(name) />
            </label>
        }
    };
    let option = |(word, label): (&'static str, &'static str)| {
        view! { <option value=word selected=filter.what == Some(word)>{label}</option> }
    };
    let (from, until) = (filter.from.clone(), filter.until.clone());
    view! {
        <form class="filter-bar audited" role="search" method="get" action=url("/settings/audit")>
            <input
                class="input"
                type="search"
                name="who"
                value=filter.who.clone()
                maxlength="40"
                placeholder=text::NAME
                aria-label=text::WHO_BY_NAME
                aria-invalid=invalid("who")
                autocomplete="off"
                autocapitalize="none"
            />
            <select class="input" name="what" aria-label=text::WHAT aria-invalid=invalid("what")>
                <option value="">{text::EVERYTHING}</option>
                {ACTIONS.into_iter().map(option).collect::<Vec<_>>()}
            </select>
            <input
                class="input numbered"
                type="text"
                inputmode="numeric"
                name="job"
                value=filter.job.map(|job| job.to_string())
                placeholder=text::JOB
                aria-label=text::JOB_BY_NUMBER
                aria-invalid=invalid("job")
                autocomplete="off"
            />
            {date("from", text::FROM, from.map(|(text, _)| text))}
            {date("until", text::UNTIL, until.map(|(text, _)| text))}
            <button class="button" type="submit">
                <Icon name="filter" />
                {text::FILTER}
            </button>
            {hides
                .then(|| {
                    view! {
                        <a class="button quiet" href=url("/settings/audit")>
                            {text::CLEAR}
                        </a>
                    }
                })}
        </form>
    }
}
