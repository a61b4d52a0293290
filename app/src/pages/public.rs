//! What is shown to whoever has not signed in: pages without script, and without a word on what is inside.

mod document;
mod input_line;
mod set_up;
mod sign_in;

use leptos::prelude::*;

use crate::{base_path::url, components::Icon};

pub use document::{document, offline_document};
pub use set_up::SetUpForm;
pub use sign_in::SignInForm;

/// What stands there.
#[derive(Clone, Debug)]
pub enum PublicPage {
    /// The form to sign in.
    SignIn(SignInForm),
    /// There is nobody yet who could.
    NotSetUp,
    /// The form to choose a password, with a link.
    SetUp(SetUpForm),
    /// A link that cannot be used, or no more.
    NoSuchLink,
    /// The database cannot be read.
    Unreadable,
}

impl PublicPage {
    /// The name of the page, as windows and tabs show it.
    pub(crate) const fn title(&self) -> &'static str {
        match self {
            Self::SignIn(_) | Self::NotSetUp => "Sign in",
            Self::SetUp(_) => "Set up",
            Self::NoSuchLink => "Link expired or already used",
            Self::Unreadable => "Milepost cannot read its database",
        }
    }

    /// What stands in the card. `server` is what the server is called.
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

/// What went wrong with a form as a whole. It takes the focus, so that it is read out, and seen on a small screen.
#[component]
fn Refusal(text: String) -> impl IntoView {
    view! {
        <div class="notice bad" id="refusal" role="alert" tabindex="-1" autofocus=true>
            <Icon name="warning" />
            <p>{text}</p>
        </div>
    }
}
