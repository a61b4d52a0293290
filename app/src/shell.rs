//! The document around every page, and which page belongs to which address.

mod away;
mod brand;
mod frame;
mod outside;
mod refresh;
mod sidebar;
mod toasts;
mod wake;

use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use leptos_meta::{MetaTags, Title, provide_meta_context};
use leptos_router::{
    SsrMode,
    components::{FlatRoutes, Route, Router},
    path,
};
use model::Tone;

use crate::{
    base::{self, at},
    context::app,
    flash::Flash,
    islands::{AwayNotice, LiveCounts, LiveJobs, LocalTimes, Renewal},
    pages::{
        escape_rcdata,
        forbidden::{Forbidden, NotAllowed},
        job::JobPage,
        jobs::Jobs,
        later,
        messages::Messages,
        new::{Catalogue, NewJob},
        not_found::NotFound,
        overview::Overview,
        queues::Queues,
        schedules::{EditSchedule, NewSchedule, SchedulePage, Schedules},
        settings::{Audit, Profile, Tasks, Users},
    },
    ui::Icon,
};

use away::Away;
pub use away::away;
use brand::Brand;
pub use frame::Frame;
pub(crate) use frame::TROUBLES;
pub use outside::outside;
pub use refresh::RefreshWithoutScript;
use sidebar::Sidebar;
use toasts::ToastList;
use wake::WakeIslands;

/// The whole document. What every page shows is read first, so that the position in the event stream that the
/// document carries is older than anything on it: nothing can happen unseen between the page and its stream.
pub fn shell(options: LeptosOptions) -> impl IntoView {
    provide_meta_context();
    view! {
        <!DOCTYPE html>
        {later(async move {
            match Frame::load().await {
                Ok(frame) => view! { <Document options frame /> }.into_any(),
                Err(error) => {
                    tracing::error!(%error, "a page could not be made");
                    expect_context::<ResponseOptions>().set_status(http::StatusCode::INTERNAL_SERVER_ERROR);
                    view! { <Unreadable options /> }.into_any()
                }
            }
        })}
    }
}

#[component]
fn Document(options: LeptosOptions, frame: Frame) -> impl IntoView {
    provide_context(frame.clone());
    let cursor = frame.cursor.to_string();
    let now = frame.now.0.to_string();
    let theme = frame.theme.attribute();
    let base = Some(base::base()).filter(|base| !base.is_empty());
    let zone = app().zone.as_ref().and_then(|zone| zone.iana_name().map(str::to_owned));
    let who = app().reader();
    view! {
        <html lang="en" data-base=base data-build=app().build.to_string() data-cursor=cursor data-now=now data-theme=theme data-who=who data-zone=zone>
            <head>
                <Head options=options.clone() />
                <AutoReload options=options.clone() />
                <WakeIslands options />
                <MetaTags />
            </head>
            <body>
                <Title formatter=title />
                <a class="skip" href="#main">
                    "Skip to content"
                </a>
                <Router>
                    <div class="shell">
                        <Sidebar frame=frame.clone() />
                        <div>
                            <Away now=frame.now />
                            {frame.flash.map(|flash| view! { <Notice flash /> })}
                            <NewVersion />
                            <main id="main" tabindex="-1">
                                <Pages />
                            </main>
                        </div>
                    </div>
                </Router>
                <ToastList />
                <AwayNotice />
                <LiveJobs />
                <LiveCounts />
                <LocalTimes />
            </body>
        </html>
    }
}

/// Returns the text of the document's `<title>`, which `leptos_meta` writes as it is.
fn title(page: String) -> String {
    format!("{} · Milepost", escape_rcdata(&page))
}

/// What every document's head begins with.
#[component]
fn Head(options: LeptosOptions) -> impl IntoView {
    let style = at(&format!("/{}/{}.css", options.site_pkg_dir, options.output_name));
    view! {
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover" />
        <meta name="color-scheme" content="light dark" />
        <link rel="icon" href=at("/mark.svg") type="image/svg+xml" />
        <link rel="stylesheet" href=style />
    }
}

/// Which page belongs to which address.
#[component]
fn Pages() -> impl IntoView {
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

/// This very page, as it was asked for; of the answer to a form, the page that the form stands on.
fn here() -> String {
    let request = use_context::<http::request::Parts>();
    at(&request.and_then(|request| request.uri.path_and_query().map(ToString::to_string)).unwrap_or_default())
}

/// Shown once the server is of another build than the page: see [`Renewal`].
#[component]
fn NewVersion() -> impl IntoView {
    view! {
        <section class="renewal" aria-label="New version" hidden=true>
            <div class="banner" role="status">
                <Icon name="retry" />
                <p>
                    <b>"A new version is available."</b>
                    " Reload to update."
                </p>
                <a class="button small" href=here()>
                    "Reload"
                </a>
                <button class="button square quiet small" type="button" aria-label="Later" title="Later">
                    <Icon name="close" />
                </button>
            </div>
        </section>
        <Renewal />
    }
}

/// What became of the form just sent.
#[component]
fn Notice(flash: Flash) -> impl IntoView {
    let (class, icon) = match flash.tone {
        Tone::Info => ("banner", "info"),
        Tone::Success => ("banner good", "succeeded"),
        Tone::Warning => ("banner warn", "warning"),
        Tone::Danger => ("banner bad", "warning"),
    };
    view! {
        <section class="flash" aria-label="Notices">
            <div class=class role="status">
                <Icon name=icon />
                <p>{flash.text}</p>
            </div>
        </section>
    }
}

/// The document when nothing can be read from the store.
#[component]
fn Unreadable(options: LeptosOptions) -> impl IntoView {
    view! {
        <html lang="en">
            <head>
                <Head options />
                <title>"Milepost cannot read its database"</title>
            </head>
            <body>
                <main id="main">
                    <header class="page-head">
                        <h1>"Milepost cannot read its database"</h1>
                        <p class="lead">"Nothing on this page can be shown. The server log has the details."</p>
                    </header>
                </main>
            </body>
        </html>
    }
}
