//! Audit log page.

mod filter;
mod form;
mod sentence;
mod text;

use engine::store::{AuditPage, AuditRow};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use self::{form::FilterForm, sentence::Sentence};
use super::{Section, Settings};
use crate::{
    components::{Icon, Timestamp, UserName, job_href, shown_name},
    context::app,
    pages::shared::from_store,
};

pub use filter::AuditFilter;

/// Entries on one page.
const PAGE: u32 = 100;

/// `/settings/audit`.
#[component]
pub fn Audit() -> impl IntoView {
    let query = use_query_map().read_untracked().clone();
    let (filter, faults) = AuditFilter::read(|name| query.get(name));
    let wrong: Vec<_> = faults.iter().map(|fault| fault.field.clone()).collect();
    let list = filter.clone();
    let read = {
        let filter = filter.clone();
        async move { app().engine.audit(&filter.query(PAGE)).await }
    };
    view! {
        <Settings section=Section::Audit>
            <FilterForm filter wrong />
            {(!faults.is_empty())
                .then(|| {
                    let faults = faults.into_iter().map(|fault| view! { <li>{fault.message}</li> }).collect::<Vec<_>>();
                    view! {
                        <div class="notice warn" role="status">
                            <Icon name="warning" />
                            <ul>{faults}</ul>
                        </div>
                    }
                })}
            {from_store(read, move |page| view! { <Lines filter=list page /> })}
        </Settings>
    }
}

#[component]
fn Lines(filter: AuditFilter, page: AuditPage) -> impl IntoView {
    let csv = filter.csv();
    let table = if page.rows.is_empty() {
        let (title, text) = if filter.hides() {
            (text::NO_MATCHING_ENTRIES, text::TRY_OTHER_FILTERS)
        } else {
            (text::NO_ENTRIES, text::NO_ENTRIES_HINT)
        };
        view! {
            <div class="empty">
                <h2>{title}</h2>
                <p>{text}</p>
            </div>
        }
        .into_any()
    } else {
        view! { <Table rows=page.rows.clone() /> }.into_any()
    };
    view! {
        <section class="card" aria-labelledby="audit" data-part="audit">
            <header>
                <h2 id="audit">{text::AUDIT_LOG}</h2>
                <span class="hint">{text::NEWEST_FIRST}</span>
                <div class="actions">
                    <a class="button small" href=csv download="">
                        <Icon name="download" />
                        {text::EXPORT_AS_CSV}
                    </a>
                </div>
            </header>
            {table}
            <Pager filter page />
        </section>
    }
}

#[component]
fn Table(rows: Vec<AuditRow>) -> impl IntoView {
    let row = |row: AuditRow| view! { <Line row /> };
    view! {
        <table class="table stacking audit">
            <thead>
                <tr>
                    <th scope="col">{text::WHEN}</th>
                    <th scope="col">{text::WHO}</th>
                    <th scope="col">{text::WHAT}</th>
                    <th scope="col">{text::FROM}</th>
                </tr>
            </thead>
            <tbody>{rows.into_iter().map(row).collect::<Vec<_>>()}</tbody>
        </table>
    }
}

#[component]
fn Line(row: AuditRow) -> impl IntoView {
    let Sentence { before, job, after } = Sentence::of(&row);
    let job = job.map(|job| view! { " " <a href=job_href(job)>{format!("#{job}")}</a> });
    let name = if row.by.name.is_empty() { text::NOT_SIGNED_IN.to_owned() } else { row.by.name.to_string() };
    let sign_in_name = (shown_name(&name) != name).then(|| view! { <small>{name.clone()}</small> });
    let token = row.by.token.map(|token| view! { <small>{text::with_token(&token)}</small> });
    view! {
        <tr data-key=row.id.to_string()>
            <th scope="row" class="nowrap">
                <Timestamp at=row.at />
            </th>
            <td data-label=text::WHO>
                <span class="two">
                    <span>
                        <UserName name />
                    </span>
                    {sign_in_name}
                    {token}
                </span>
            </td>
            <td data-label=text::WHAT>
                <span>{before} {job} {after}</span>
            </td>
            <td data-label=text::FROM class="muted">
                {row.by.address.map(|address| address.to_string())}
            </td>
        </tr>
    }
}

#[component]
fn Pager(filter: AuditFilter, page: AuditPage) -> impl IntoView {
    let last = page.rows.last().map(|row| row.id);
    let newest = filter.before.is_some().then(|| filter.page(None));
    let older = last.filter(|_| page.older).map(|last| filter.page(Some(last)));
    if newest.is_none() && older.is_none() {
        return None;
    }
    let step = |to: AuditFilter, name: &'static str| {
        view! {
            <a class="button small" href=to.href()>
                {name}
            </a>
        }
    };
    Some(view! {
        <footer>
            <nav class="pager" aria-label=text::PAGES>
                <span class="actions">
                    {newest.map(|to| step(to, text::NEWEST))} {older.map(|to| step(to, text::OLDER))}
                </span>
            </nav>
        </footer>
    })
}
