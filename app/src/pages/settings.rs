//! Settings pages: profile, users, tasks and audit log.

mod audit;
mod profile;
mod shared;
mod tasks;
mod text;
mod users;

use engine::access::Action;
use leptos::prelude::*;
use leptos_meta::Title;

use crate::{base_path::url, components::Icon, context::app, enhance::InPlaceForms};

pub use audit::{Audit, AuditFilter};
pub use profile::Profile;
pub use tasks::Tasks;
pub use users::Users;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Section {
    Profile,
    Users,
    Tasks,
    Audit,
}

impl Section {
    const ALL: [Self; 4] = [Self::Profile, Self::Users, Self::Tasks, Self::Audit];

    const fn path(self) -> &'static str {
        match self {
            Self::Profile => "/settings",
            Self::Users => "/settings/users",
            Self::Tasks => "/settings/tasks",
            Self::Audit => "/settings/audit",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Profile => text::PROFILE,
            Self::Users => text::USERS,
            Self::Tasks => text::TASKS,
            Self::Audit => text::AUDIT_LOG,
        }
    }

    /// The action that a section needs.
    const fn action(self) -> Action {
        match self {
            Self::Profile => Action::OwnAccount,
            Self::Users => Action::ManageUsers,
            Self::Tasks => Action::ManageKinds,
            Self::Audit => Action::ReadAudit,
        }
    }
}

/// A section, beside the navigation of all sections.
#[component]
fn Settings(section: Section, children: Children) -> impl IntoView {
    let engine = app().engine;
    // Without accounts the first section says so.
    let seen = |other: &Section| *other == Section::Profile || engine.can(other.action());
    let link = |other: Section| {
        let current = (other == section).then_some("page");
        view! {
            <a href=url(other.path()) aria-current=current>
                {other.name()}
            </a>
        }
    };
    let matter = match engine.authorise(section.action()) {
        Ok(()) => children().into_any(),
        Err(error) => view! { <SignInOff reason=crate::server_fns::ApiError::from(error).message /> }.into_any(),
    };
    view! {
        <Title text=section.name() />
        <header class="page-head">
            <h1>{text::SETTINGS}</h1>
        </header>
        <div class="split lead-aside">
            <nav class="side-nav" aria-label=text::SETTINGS>
                {Section::ALL.into_iter().filter(seen).map(link).collect::<Vec<_>>()}
                <a href=url("/about")>{text::ABOUT}</a>
            </nav>
            <div class="stack">{matter}</div>
        </div>
        <InPlaceForms />
    }
}

/// Why there are no settings: the router lets only servers without accounts come here.
#[component]
fn SignInOff(reason: String) -> impl IntoView {
    view! {
        <div class="notice">
            <Icon name="info" />
            <p>{reason} "."</p>
        </div>
    }
}
