//! Job list: every job, with tabs, filters and keyset pagination.

mod filter;
mod form;
mod text;

use engine::{
    access::Action,
    store::{Page, PageAt},
};
use http::StatusCode;
use leptos::{either::Either, prelude::*};
use leptos_axum::ResponseOptions;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use model::{Counts, Micros};

use self::{
    filter::{Filter, Tab},
    form::FilterForm,
};
use super::shared::{JobTable, ListHeader, from_store};
use crate::{
    base_path::url,
    components::Icon,
    context::app,
    islands::{JobCount, ListFilter, NewJobsLink},
    layout::{PageContext, RefreshWithoutScript},
    server_fns::ApiError,
};

/// `/jobs`.
#[component]
pub fn Jobs() -> impl IntoView {
    let (filter, faults) = Filter::read(&use_query_map().read_untracked());
    let context = expect_context::<PageContext>();
    let list = filter.clone();
    view! {
        <Title text=text::JOBS />
        <ListHeader name=text::JOBS />
        <div class="stack">
            <Tabs filter=filter.clone() counts=context.counts />
            <FilterForm filter=filter.clone() />
            {(!faults.is_empty()).then(|| view! { <Faults faults /> })}
            {from_store(
                read(filter, context.now),
                move |page| match page {
                    Ok(page) => Either::Left(view! { <List filter=list page context /> }),
                    Err(reason) => Either::Right(view! { <SearchStopped reason /> }),
                },
            )}
        </div>
    }
}

/// Reads a page of the list, or returns why the search was stopped. A page that reaches the newest job is filled up
/// from there.
async fn read(filter: Filter, now: Micros) -> engine::Result<Result<Page, ApiError>> {
    let engine = app().engine;
    let read = async {
        let mut page = engine.page(filter.list_query(now)).await?;
        if matches!(filter.at, Some(PageAt::NewerThan(_))) && !page.newer {
            page = engine.page(filter.page(None).list_query(now)).await?;
        }
        Ok(page)
    };
    match read.await {
        Ok(page) => Ok(Ok(page)),
        Err(refused @ engine::Error::Refused { .. }) => Ok(Err(refused.into())),
        Err(error) => Err(error),
    }
}

/// A search that took too long, with advice how to narrow it.
#[component]
fn SearchStopped(reason: ApiError) -> impl IntoView {
    let status = StatusCode::from_u16(reason.status()).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    expect_context::<ResponseOptions>().set_status(status);
    view! {
        <div class="notice warn" role="alert">
            <Icon name="warning" />
            <div>
                <h2>{text::SEARCH_STOPPED}</h2>
                <p>{format!("{reason}.")}</p>
            </div>
        </div>
    }
}

#[component]
fn Tabs(filter: Filter, counts: Counts) -> impl IntoView {
    let tab = |tab: Tab| {
        let current = (tab == filter.tab).then_some("page");
        let states = if tab == Tab::All { Vec::new() } else { tab.states().to_vec() };
        view! {
            <a href=filter.tab(tab).href() aria-current=current>
                {tab.label()}
                <span class="count-badge">
                    <JobCount counts states />
                </span>
            </a>
        }
    };
    // The tab "Paused" is shown only if there are paused jobs.
    let shown = |tab: &Tab| *tab != Tab::Paused || filter.tab == Tab::Paused || counts.paused > 0;
    view! {
        <nav class="tabs" aria-label=text::STATES data-part="tabs">
            {Tab::ALL.into_iter().filter(shown).map(tab).collect::<Vec<_>>()}
        </nav>
    }
}

/// Parts of the address that are invalid.
#[component]
fn Faults(faults: Vec<String>) -> impl IntoView {
    view! {
        <div class="notice warn" role="status">
            <Icon name="warning" />
            <ul>{faults.into_iter().map(|fault| view! { <li>{fault}</li> }).collect::<Vec<_>>()}</ul>
        </div>
    }
}

#[component]
fn List(filter: Filter, page: Page, context: PageContext) -> impl IntoView {
    let moving = page.jobs.iter().any(|job| !job.state.is_terminal());
    let empty = page.jobs.is_empty();
    view! {
        <section class="card" aria-label=text::JOBS>
            {(!page.newer)
                .then(|| {
                    view! {
                        <NewJobsLink href=filter.page(None).href() filter=list_filter(&filter, &page, context.now) />
                    }
                })}
            {if empty {
                Either::Left(view! { <EmptyList filter=filter.clone() fresh=context.counts.total() == 0 /> })
            } else {
                Either::Right(view! { <JobTable jobs=page.jobs.clone() now=context.now /> })
            }}
            <Pager filter page />
        </section>
        {moving.then(|| view! { <RefreshWithoutScript /> })}
    }
}

/// The reason why the list is empty, with a link.
#[component]
fn EmptyList(filter: Filter, fresh: bool) -> impl IntoView {
    let offered = !fresh || app().engine.can(Action::Start);
    let (title, text, href, action) = if fresh {
        (text::NO_JOBS_YET, text::NO_JOBS_YET_HINT, url("/new"), text::START_THE_FIRST_JOB)
    } else if filter.at.is_some() {
        (text::NOTHING_ON_THIS_PAGE, text::NOTHING_ON_THIS_PAGE_HINT, filter.page(None).href(), text::NEWEST_JOBS)
    } else if filter.hides() {
        (text::NO_MATCHING_JOBS, text::TRY_OTHER_FILTERS, filter.cleared().href(), text::CLEAR_FILTERS)
    } else {
        (text::NO_JOBS, text::NO_JOBS_HINT, Filter::default().href(), text::ALL_JOBS)
    };
    view! {
        <div class="empty">
            <h2>{title}</h2>
            <p>{text}</p>
            {offered
                .then(|| {
                    view! {
                        <div class="actions">
                            <a class="button" href=href>
                                {action}
                            </a>
                        </div>
                    }
                })}
        </div>
    }
}

#[component]
fn Pager(filter: Filter, page: Page) -> impl IntoView {
    let (Some(first), Some(last)) = (page.jobs.first(), page.jobs.last()) else { return None };
    let shown = match (page.newer || page.older, page.jobs.len()) {
        (true, _) => text::range(&first.job, &last.job),
        (false, 1) => text::ONE_JOB.to_owned(),
        (false, many) => text::job_count(&many),
    };
    let step = |there: bool, at: Option<PageAt>, name: &'static str| {
        there.then(|| {
            view! {
                <a class="button small" href=filter.page(at).href()>
                    {name}
                </a>
            }
        })
    };
    Some(view! {
        <footer>
            <nav class="pager" aria-label=text::PAGES>
                <span>{shown}</span>
                <span class="actions">
                    {step(page.newer, None, text::NEWEST)}
                    {step(page.newer, Some(PageAt::NewerThan(first.job)), text::NEWER)}
                    {step(page.older, Some(PageAt::OlderThan(last.job)), text::OLDER)}
                    {step(page.older, Some(PageAt::Oldest), text::OLDEST)}
                </span>
            </nav>
        </footer>
    })
}

/// Returns the filter for jobs that start while the page is open.
fn list_filter(filter: &Filter, page: &Page, now: Micros) -> ListFilter {
    ListFilter {
        states: filter.list_query(now).states,
        kind: filter.kind.clone(),
        from: filter.from(now),
        words: filter.text.to_lowercase().split_whitespace().map(str::to_owned).collect(),
        oldest: page.jobs.last().filter(|_| page.older).map(|job| job.job),
        shown: page.jobs.iter().map(|job| job.job).collect(),
    }
}
