//! The column beside every page: where to go, what is watched, how the link stands.

use leptos::prelude::*;
use leptos_router::hooks::use_location;

use super::{Frame, frame::WATCHED};
use crate::{
    islands::{JobsBadge, LinkStatus, ThemeSwitch, Watching},
    ui::Icon,
};

/// The column beside every page; a rail on tablets, a bar at the top and one at the bottom on phones.
#[component]
pub(super) fn Sidebar(frame: Frame) -> impl IntoView {
    let troubles = frame.attention.iter().map(|job| job.job).collect();
    view! {
        <header class="sidebar">
            <a class="brand" href="/">
                <svg class="mark" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
                    <path class="ahead" d="M12 6.5h6.5a1.5 1.5 0 0 1 1.5 1.5v10"></path>
                    <path d="M4 18V8a1.5 1.5 0 0 1 1.5-1.5H12V18"></path>
                </svg>
                <span>"Milepost"</span>
            </a>
            <nav class="nav" aria-label="Main">
                <Place href="/" icon="overview" name="Overview" />
                <Place href="/jobs" icon="jobs" name="Jobs">
                    <JobsBadge counts=frame.counts troubles />
                </Place>
                <Place href="/new" icon="plus" name="New job" />
            </nav>
            <Watching jobs=frame.watching pinned=frame.pinned most=WATCHED />
            <p class="no-accounts">"No accounts: whoever reaches this address may do everything."</p>
            <div class="sidebar-foot">
                <LinkStatus now=frame.now />
                <ThemeSwitch theme=frame.theme />
            </div>
        </header>
    }
}

/// One place of the navigation: current on its own page, and the one above the pages below it.
#[component]
fn Place(
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
        <a href=href aria-current=current>
            <Icon name=icon />
            <span>{name}</span>
            {children.map(|children| children())}
        </a>
    }
}
