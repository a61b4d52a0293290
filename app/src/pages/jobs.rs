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
use super::shared::{ListHeader, WithRowActions, from_store, row_rights};
use crate::{
    base_path::url,
    components::Icon,
    context::app,
    islands::{EmptyText, JobCount, JobList, ListFilter, PageLink},
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
        {from_store(
            read(filter, context.now, context.counts),
            move |(page, counts)| {
                view! {
                    <WithRowActions in_place=true>
                        <Tabs filter=list.clone() counts />
                        <FilterForm filter=list.clone() />
                        {(!faults.is_empty()).then(|| view! { <Faults faults /> })}
                        {match page {
                            Ok(page) => Either::Left(view! { <List filter=list page context /> }),
                            Err(reason) => Either::Right(view! { <SearchStopped reason /> }),
                        }}
                    </WithRowActions>
                }
            },
        )}
    }
}

/// Reads a page of the list, or returns why the search was stopped, with the counts of the tabs. A page that reaches
/// the newest job is filled up from there.
async fn read(filter: Filter, now: Micros, all: Counts) -> engine::Result<(Result<Page, ApiError>, TabCounts)> {
    let engine = app().engine;
    let page = async {
        let mut page = engine.page(filter.list_query(now)).await?;
        if matches!(filter.at, Some(PageAt::NewerThan(_))) && !page.newer {
            page = engine.page(filter.page(None).list_query(now)).await?;
        }
        Ok(page)
    };
    let (page, counts) = tokio::join!(page, count(&filter, now, all));
    match page {
        Ok(page) => Ok((Ok(page), counts?)),
        Err(refused @ engine::Error::Refused { .. }) => Ok((Err(refused.into()), counts?)),
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

/// The counts of the tabs: those of all jobs follow the stream, those of a filter are counted.
#[derive(Clone, Copy)]
enum TabCounts {
    All(Counts),
    Matching(Counts),
    /// A search that took too long.
    Unknown,
}

/// Counts the jobs that the filters leave, in each state.
async fn count(filter: &Filter, now: Micros, all: Counts) -> engine::Result<TabCounts> {
    if !filter.hides() {
        return Ok(TabCounts::All(all));
    }
    match app().engine.matching_counts(filter.list_query(now)).await {
        Ok(counts) => Ok(TabCounts::Matching(counts)),
        Err(engine::Error::Refused { .. }) => Ok(TabCounts::Unknown),
        Err(error) => Err(error),
    }
}

#[component]
fn Tabs(filter: Filter, counts: TabCounts) -> impl IntoView {
    let badge = |tab: Tab| match counts {
        TabCounts::All(counts) => {
            let states = if tab == Tab::All { Vec::new() } else { tab.states().to_vec() };
            view! { <JobCount counts states /> }.into_any()
        }
        TabCounts::Matching(counts) => {
            text::matches(tab.states().iter().map(|state| counts.of(*state)).sum()).into_any()
        }
        TabCounts::Unknown => ().into_any(),
    };
    let tab = |tab: Tab| {
        let current = (tab == filter.tab).then_some("page");
        view! {
            <a href=filter.tab(tab).href() aria-current=current>
                {tab.label()}
                <span class="count-badge">{badge(tab)}</span>
            </a>
        }
    };
    // The tab "Paused" is shown only if there are paused jobs.
    let paused = match counts {
        TabCounts::All(counts) | TabCounts::Matching(counts) => counts.paused,
        TabCounts::Unknown => 0,
    };
    let shown = |tab: &Tab| *tab != Tab::Paused || filter.tab == Tab::Paused || paused > 0;
    // A search is too much work for each change of a job.
    let follows = filter.text.is_empty();
    view! {
        <nav class="tabs" aria-label=text::STATES data-part=follows.then_some("tabs")>
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
    let rights = row_rights(&page.jobs);
    let empty = empty_text(&filter, context.counts.total() == 0);
    let pages = pages(&filter, &page);
    let belongs = list_filter(&filter, &page, context.now);
    let href = filter.page(None).href();
    view! {
        <section class="card" aria-label=text::JOBS>
            <JobList jobs=page.jobs filter=belongs href pages empty rights now=context.now />
        </section>
        {moving.then(|| view! { <RefreshWithoutScript /> })}
    }
}

/// The reason why the list is empty, with a link.
fn empty_text(filter: &Filter, fresh: bool) -> EmptyText {
    let (title, text, href, action) = if fresh {
        (text::NO_JOBS_YET, text::NO_JOBS_YET_HINT, url("/new"), text::START_THE_FIRST_JOB)
    } else if filter.at.is_some() {
        (text::NOTHING_ON_THIS_PAGE, text::NOTHING_ON_THIS_PAGE_HINT, filter.page(None).href(), text::NEWEST_JOBS)
    } else if filter.hides() {
        (text::NO_MATCHING_JOBS, text::TRY_OTHER_FILTERS, filter.cleared().href(), text::CLEAR_FILTERS)
    } else {
        (text::NO_JOBS, text::NO_JOBS_HINT, Filter::default().href(), text::ALL_JOBS)
    };
    let offered = !fresh || app().engine.can(Action::Start);
    let link = offered.then(|| PageLink { href, name: action.to_owned() });
    EmptyText { title: title.to_owned(), text: text.to_owned(), link }
}

/// The other pages of the list.
fn pages(filter: &Filter, page: &Page) -> Vec<PageLink> {
    let (Some(first), Some(last)) = (page.jobs.first(), page.jobs.last()) else { return Vec::new() };
    let steps = [
        (page.newer, None, text::NEWEST),
        (page.newer, Some(PageAt::NewerThan(first.job)), text::NEWER),
        (page.older, Some(PageAt::OlderThan(last.job)), text::OLDER),
        (page.older, Some(PageAt::Oldest), text::OLDEST),
    ];
    let steps = steps.into_iter().filter(|(exists, ..)| *exists);
    steps.map(|(_, at, name)| PageLink { href: filter.page(at).href(), name: name.to_owned() }).collect()
}

/// Returns the filter for jobs that change while the page is open.
fn list_filter(filter: &Filter, page: &Page, now: Micros) -> ListFilter {
    ListFilter {
        states: filter.list_query(now).states,
        kind: filter.kind.clone(),
        from: filter.from(now),
        words: filter.text.to_lowercase().split_whitespace().map(str::to_owned).collect(),
        oldest: page.jobs.last().filter(|_| page.older).map(|job| job.job),
        first: !page.newer,
    }
}
