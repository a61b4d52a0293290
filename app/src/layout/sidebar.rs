//! Sidebar: navigation, pinned jobs, account and connection status.

use engine::access::{Action, Principal};
use leptos::prelude::*;
use leptos_router::{hooks::use_location, params::ParamsMap};

use super::{Brand, PageContext, requested_url, text};
use crate::{
    base_path::url,
    components::{Icon, UserName, initials},
    context::app,
    islands::{ConnectionStatus, JobsBadge, SidebarJobs, ThemeSwitch},
};

/// A rail on tablets; a bar at the top and one at the bottom on phones.
#[component]
pub(crate) fn Sidebar(page: PageContext) -> impl IntoView {
    let attention = page.attention.iter().map(|job| job.job).collect();
    let titled = use_location().pathname.get_untracked().starts_with("/jobs/");
    let engine = app().engine;
    let new_job = engine.can(Action::Start).then(|| view! { <NavLink href="/new" icon="plus" name=text::NEW_JOB /> });
    let (last_places, account, link) = match engine.actor().principal().cloned() {
        // Without settings, which lead to the page About otherwise.
        None => (
            view! {
                {new_job}
                <NavLink href="/about" icon="info" name=text::ABOUT />
            }
            .into_any(),
            no_accounts().into_any(),
            connection_status().into_any(),
        ),
        Some(who) => (
            view! {
                {new_job}
                <NavLink href="/settings" icon="settings" name=text::SETTINGS />
            }
            .into_any(),
            view! { <AccountMenu who /> }.into_any(),
            (connection_status(), sign_in_again()).into_any(),
        ),
    };
    view! {
        <header class="sidebar">
            <Brand />
            <nav class="nav" aria-label=text::MAIN>
                <NavLink href="/" icon="overview" name=text::OVERVIEW />
                <NavLink href="/jobs" icon="jobs" name=text::JOBS>
                    <div class="part">
                        <JobsBadge counts=page.counts attention />
                    </div>
                </NavLink>
                <NavLink href="/queues" icon="queues" name=text::QUEUES />
                <NavLink href="/schedules" icon="schedules" name=text::SCHEDULES>
                    <div class="part">{suspended_badge(page.suspended.len())}</div>
                </NavLink>
                {last_places}
            </nav>
            <SidebarJobs jobs=page.pinned titled now=page.now />
            {account}
            <div class="sidebar-foot">
                {link}
                <span class="visually-hidden announcements" aria-live="polite"></span>
                <ConnectionStatus />
                <MessagesLink />
                <form class="theme" method="post" action=url("/api/set_theme")>
                    <input type="hidden" name="theme" value=page.theme.next().as_str() />
                    <button
                        class="button square quiet small"
                        type="submit"
                        aria-label=page.theme.label()
                        title=page.theme.label()
                    >
                        <Icon name="theme" />
                    </button>
                </form>
                <ThemeSwitch />
            </div>
        </header>
    }
}

/// The badge beside "Schedules": those that were paused automatically.
fn suspended_badge(schedules: usize) -> Option<impl IntoView> {
    let shown = if schedules < 10 { schedules.to_string() } else { "9+".to_owned() };
    (schedules > 0).then(|| {
        view! {
            <span class="alarm">
                {shown} <span class="visually-hidden">{text::NEED_ATTENTION}</span>
            </span>
        }
    })
}

/// See [`ConnectionStatus`].
fn connection_status() -> impl IntoView {
    view! {
        <span class="link" data-link="connecting" role="status" hidden=true>
            <span class="lamp" aria-hidden="true"></span>
            <span class="word">{text::CONNECTING}</span>
            // Not announced: it changes every second.
            <span class="age" aria-hidden="true"></span>
        </span>
    }
}

/// Shown when the session ended under an open page: signs in, and leads back to it.
fn sign_in_again() -> impl IntoView {
    let mut query = ParamsMap::new();
    query.insert("next", requested_url());
    view! {
        <a class="button small primary" href=url(&format!("/sign-in{}", query.to_query_string())) hidden=true>
            {text::SIGN_IN}
        </a>
    }
}

fn no_accounts() -> impl IntoView {
    view! { <p class="no-accounts">{text::SIGN_IN_IS_OFF}</p> }
}

/// Link to the messages; at the top on phones, where the bottom bar is full.
#[component]
fn MessagesLink() -> impl IntoView {
    let current = (use_location().pathname.get_untracked() == "/messages").then_some("page");
    view! {
        <a
            class="button square quiet small"
            href=url("/messages")
            aria-label=text::MESSAGES
            title=text::MESSAGES
            aria-current=current
        >
            <Icon name="announce" />
        </a>
    }
}

/// The signed-in user and the sign-out button. On phones both are in the settings.
#[component]
fn AccountMenu(who: Principal) -> impl IntoView {
    let name = who.name.to_string();
    view! {
        <div class="account">
            <a href=url("/settings")>
                <span class="avatar" aria-hidden="true">
                    {initials(&name)}
                </span>
                <span class="who"><UserName name /> " " <small>{who.role.label()}</small></span>
            </a>
            <form method="post" action=url("/api/sign_out")>
                <button class="button square quiet small" type="submit" aria-label=text::SIGN_OUT title=text::SIGN_OUT>
                    <Icon name="signout" />
                </button>
            </form>
        </div>
    }
}

/// An entry of the navigation, current on its page and on the pages below it.
#[component]
fn NavLink(
    href: &'static str,
    icon: &'static str,
    name: &'static str,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    let path = use_location().pathname.get_untracked();
    let current = if path == href {
        Some("page")
    } else if href != "/" && path.strip_prefix(href).is_some_and(|rest| rest.starts_with('/')) {
        Some("true")
    } else {
        None
    };
    view! {
        <a href=url(href) aria-current=current>
            <Icon name=icon />
            <span>{name}</span>
            {children.map(|children| children())}
        </a>
    }
}
