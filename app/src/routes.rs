//! Routes: which page belongs to which address, and the document around it.

use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use leptos_meta::{MetaTags, Title, provide_meta_context};
use leptos_router::{
    SsrMode,
    components::{FlatRoutes, Route, Router},
    path,
};

use crate::{
    base_path::base_path,
    context::app,
    islands::{LocalTimes, OfflineNotice},
    layout::{
        DocumentHead, FlashNotice, HydrationScript, NewVersion, OfflineBanner, PageContext, Sidebar, ToastList,
        deferred, document_title,
    },
    pages::{
        about::About,
        forbidden::{Forbidden, NotAllowed},
        job::JobPage,
        jobs::Jobs,
        messages::Messages,
        new_job::{Catalogue, NewJob},
        not_found::NotFound,
        overview::Overview,
        queues::Queues,
        schedules::{EditSchedule, NewSchedule, SchedulePage, Schedules},
        settings::{Audit, Profile, Tasks, Users},
        unreadable::DatabaseUnreadable,
    },
};

/// The document of a page. The page context is read first, so that the stream position in it is older than anything on
/// the page: no event is lost between rendering and the start of the stream.
pub fn document(options: LeptosOptions) -> impl IntoView {
    provide_meta_context();
    view! {
        <!DOCTYPE html>
        {deferred(async move {
            match PageContext::load().await {
                Ok(page) => view! { <Document options page /> }.into_any(),
                Err(error) => {
                    tracing::error!(%error, "a page could not be made");
                    expect_context::<ResponseOptions>().set_status(http::StatusCode::INTERNAL_SERVER_ERROR);
                    view! { <DatabaseUnreadable options /> }.into_any()
                }
            }
        })}
    }
}

#[component]
fn Document(options: LeptosOptions, page: PageContext) -> impl IntoView {
    provide_context(page.clone());
    let cursor = page.cursor.to_string();
    let now = page.now.0.to_string();
    let theme = page.theme.attribute();
    let base = Some(base_path()).filter(|base| !base.is_empty());
    let zone = app().zone.as_ref().and_then(|zone| zone.iana_name().map(str::to_owned));
    let reader = app().reader_key();
    view! {
        <html lang="en" data-base=base data-build=app().build.to_string() data-cursor=cursor data-now=now data-theme=theme data-who=reader data-zone=zone>
            <head>
                <DocumentHead options=options.clone() />
                <AutoReload options=options.clone() />
                <HydrationScript options />
                <MetaTags />
            </head>
            <body>
                <Title formatter=document_title />
                <a class="skip" href="#main">
                    "Skip to content"
                </a>
                <Router>
                    <div class="shell">
                        <Sidebar page=page.clone() />
                        <div>
                            <OfflineBanner now=page.now />
                            {page.flash.map(|flash| view! { <FlashNotice flash /> })}
                            <NewVersion />
                            <main id="main" tabindex="-1">
                                <Routes />
                            </main>
                        </div>
                    </div>
                </Router>
                <ToastList />
                <OfflineNotice />
                <LocalTimes />
            </body>
        </html>
    }
}

#[component]
fn Routes() -> impl IntoView {
    if let Some(Forbidden(reason)) = use_context() {
        return view! { <NotAllowed reason /> }.into_any();
    }
    view! {
        <FlatRoutes fallback=NotFound>
            <Route path=path!("/") view=Overview ssr=SsrMode::Async />
            <Route path=path!("/jobs") view=Jobs ssr=SsrMode::Async />
            <Route path=path!("/jobs/:id") view=JobPage ssr=SsrMode::Async />
            <Route path=path!("/queues") view=Queues ssr=SsrMode::Async />
            <Route path=path!("/schedules") view=Schedules ssr=SsrMode::Async />
            <Route path=path!("/schedules/new") view=NewSchedule ssr=SsrMode::Async />
            <Route path=path!("/schedules/:id") view=SchedulePage ssr=SsrMode::Async />
            <Route path=path!("/schedules/:id/edit") view=EditSchedule ssr=SsrMode::Async />
            <Route path=path!("/about") view=About ssr=SsrMode::Async />
            <Route path=path!("/messages") view=Messages ssr=SsrMode::Async />
            <Route path=path!("/settings") view=Profile ssr=SsrMode::Async />
            <Route path=path!("/settings/users") view=Users ssr=SsrMode::Async />
            <Route path=path!("/settings/tasks") view=Tasks ssr=SsrMode::Async />
            <Route path=path!("/settings/audit") view=Audit ssr=SsrMode::Async />
            <Route path=path!("/new") view=Catalogue ssr=SsrMode::Async />
            <Route path=path!("/new/:kind") view=NewJob ssr=SsrMode::Async />
        </FlatRoutes>
    }
    .into_any()
}
