//! Filter form of the audit log.

use leptos::prelude::*;

use super::{filter::AuditFilter, sentence::ACTIONS};
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
                placeholder="Name"
                aria-label="Who, by name"
                aria-invalid=invalid("who")
                autocomplete="off"
                autocapitalize="none"
            />
            <select class="input" name="what" aria-label="What" aria-invalid=invalid("what")>
                <option value="">"Everything"</option>
                {ACTIONS.into_iter().map(option).collect::<Vec<_>>()}
            </select>
            <input
                class="input numbered"
                type="text"
                inputmode="numeric"
                name="job"
                value=filter.job.map(|job| job.to_string())
                placeholder="Job"
                aria-label="Job, by number"
                aria-invalid=invalid("job")
                autocomplete="off"
            />
            {date("from", "From", from.map(|(text, _)| text))}
            {date("until", "Until", until.map(|(text, _)| text))}
            <button class="button" type="submit">
                <Icon name="filter" />
                "Filter"
            </button>
            {hides
                .then(|| {
                    view! {
                        <a class="button quiet" href=url("/settings/audit")>
                            "Clear"
                        </a>
                    }
                })}
        </form>
    }
}
