//! What is shown to whoever has not signed in: pages without script, and without a word on what is inside.

mod field;
mod set_up;
mod sign_in;

use leptos::prelude::*;

use crate::{base::at, ui::Icon};

pub use set_up::SetUpForm;
pub use sign_in::SignInForm;

/// What stands there.
#[derive(Clone, Debug)]
pub enum Outside {
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

impl Outside {
    /// The name of the page, as windows and tabs show it.
    pub(crate) const fn title(&self) -> &'static str {
        match self {
            Self::SignIn(_) | Self::NotSetUp => "Sign in",
            Self::SetUp(_) => "Choose a password",
            Self::NoSuchLink => "This link cannot be used",
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
            <h1>"Nobody can sign in yet"</h1>
            <p>"The first administrator is made with a setup link. The server prints one whenever it starts without an "
                "administrator; this makes another:"</p>
            <pre class="code">"milepost setup-link"</pre>
        </div>
    }
}

fn no_such_link() -> impl IntoView {
    view! {
        <div class="form">
            <h1>"This link cannot be used"</h1>
            <p>"A link works once and for three days, and a newer one takes its place. Whoever sent it can make another; "
                "for the first administrator, " <code>"milepost setup-link"</code> " prints one."</p>
            <a class="button" href=at("/sign-in")>
                "Sign in"
            </a>
        </div>
    }
}

fn unreadable() -> impl IntoView {
    view! {
        <div class="form">
            <h1>"Milepost cannot read its database"</h1>
            <p>"The server's log says why."</p>
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
