//! Audit log page.

mod filter;
mod form;
mod sentence;

use engine::store::{AuditPage, AuditRow};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use self::{form::FilterForm, sentence::Sentence};
use super::{Section, Settings};
use crate::{
    components::{Icon, Timestamp, job_href},
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
            ("No matching entries", "Try other filters.")
        } else {
            ("No entries", "Every change by a user is recorded here.")
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
        <section class="card" aria-labelledby="audit">
            <header>
                <h2 id="audit">"Audit log"</h2>
                <span class="hint">"newest first"</span>
                <div class="actions">
                    <a class="button small" href=csv download="">
                        <Icon name="download" />
                        "Export as CSV"
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
                    <th scope="col">"When"</th>
                    <th scope="col">"Who"</th>
                    <th scope="col">"What"</th>
                    <th scope="col">"From"</th>
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
    let name = if row.by.name.is_empty() { "not signed in".to_owned() } else { row.by.name.to_string() };
    let token = row.by.token.map(|token| view! { <small>{format!("with token {token}")}</small> });
    view! {
        <tr>
            <th scope="row" class="nowrap">
                <Timestamp at=row.at />
            </th>
            <td data-label="Who">
                <span class="two">
                    <span>{name}</span>
                    {token}
                </span>
            </td>
            <td data-label="What">
                <span>{before} {job} {after}</span>
            </td>
            <td data-label="From" class="muted">
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
            <nav class="pager" aria-label="Pages">
                <span class="actions">
                    {newest.map(|to| step(to, "Newest"))} {older.map(|to| step(to, "Older"))}
                </span>
            </nav>
        </footer>
    })
}
