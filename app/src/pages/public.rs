//! Public pages: shown to users who have not signed in. They run no script and contain nothing about the jobs.

mod document;
mod input_line;
mod set_up;
mod sign_in;

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
            Self::SignIn(_) | Self::NotSetUp => "Sign in",
            Self::SetUp(_) => "Set up",
            Self::NoSuchLink => "Link expired or already used",
            Self::Unreadable => "Milepost cannot read its database",
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
            <h1>"Milepost is not set up yet"</h1>
            <p>"A setup link creates the first administrator. The server prints it at its start, or writes it to the file "
                "setup-link in its data directory. This command makes another:"</p>
            <pre class="code">"milepost setup-link"</pre>
        </div>
    }
}

fn no_such_link() -> impl IntoView {
    view! {
        <div class="form">
            <h1>"Link expired or already used"</h1>
            <p>"Links work once, for three days. Ask for a new one, or run " <code>"milepost setup-link"</code>
                " for the first administrator."</p>
            <a class="button" href=url("/sign-in")>
                "Sign in"
            </a>
        </div>
    }
}

fn unreadable() -> impl IntoView {
    view! {
        <div class="form">
            <h1>"Milepost cannot read its database"</h1>
            <p>"The server log has the details."</p>
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
