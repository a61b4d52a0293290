//! Public pages: shown to users who have not signed in. They run no script and contain nothing about the jobs.

mod document;
mod input_line;
mod set_up;
mod sign_in;
mod text;

use leptos::prelude::*;

use crate::{base_path::url, components::Icon};

pub use document::{document, offline_document};
pub use set_up::SetUpForm;
pub use sign_in::SignInForm;

#[derive(Clone, Debug)]
pub enum PublicPage {
    /// The sign-in form.
    SignIn(SignInForm),
    /// There is no user yet.
    NotSetUp,
    /// The form to set a password, opened with a link.
    SetUp(SetUpForm),
    /// The link is unknown, used or expired.
    NoSuchLink,
    /// The database cannot be read.
    Unreadable,
}

impl PublicPage {
    /// Title of the window and tab.
    pub(crate) const fn title(&self) -> &'static str {
        match self {
            Self::SignIn(_) | Self::NotSetUp => text::SIGN_IN,
            Self::SetUp(_) => text::SET_UP,
            Self::NoSuchLink => text::LINK_EXPIRED,
            Self::Unreadable => text::DATABASE_UNREADABLE,
        }
    }

    /// Returns the content of the card. `server` is the server's name.
    pub(crate) fn card(self, server: &str) -> AnyView {
        match self {
            Self::SignIn(form) => form.card(server),
            Self::NotSetUp => not_set_up().into_any(),
            Self::SetUp(form) => form.card(server),
            Self::NoSuchLink => no_such_link().into_any(),
            Self::Unreadable => unreadable().into_any(),
        }
    }
}

fn not_set_up() -> impl IntoView {
    view! {
        <div class="form">
            <h1>{text::NOT_SET_UP}</h1>
            <p>{text::SETUP_LINK_HINT}
                {text::SETUP_LINK_COMMAND_HINT}</p>
            <pre class="code">{text::SETUP_LINK_COMMAND}</pre>
        </div>
    }
}

fn no_such_link() -> impl IntoView {
    view! {
        <div class="form">
            <h1>{text::LINK_EXPIRED}</h1>
            <p>{text::LINK_HINT} <code>{text::SETUP_LINK_COMMAND}</code>
                {text::FOR_FIRST_ADMINISTRATOR}</p>
            <a class="button" href=url("/sign-in")>
                {text::SIGN_IN}
            </a>
        </div>
    }
}

fn unreadable() -> impl IntoView {
    view! {
        <div class="form">
            <h1>{text::DATABASE_UNREADABLE}</h1>
            <p>{text::SEE_SERVER_LOG}</p>
        </div>
    }
}

/// An error of the whole form. It takes the focus, so that screen readers read it and small screens show it.
#[component]
fn Refusal(text: String) -> impl IntoView {
    view! {
        <div class="notice bad" id="refusal" role="alert" tabindex="-1" autofocus=true>
            <Icon name="warning" />
            <p>{text}</p>
        </div>
    }
}
