use leptos::prelude::*;

use super::{Refusal, input_line::InputLine, text};
use crate::{base_path::url, server_fns::ApiError};

/// Sign-in page.
#[derive(Clone, Debug, Default)]
pub struct SignInForm {
    /// Where to go afterwards: a path of this server.
    pub next: String,
    /// The name that was typed before.
    pub name: String,
    /// Why the sign-in failed.
    pub refusal: Option<ApiError>,
}

impl SignInForm {
    pub(super) fn card(self, server: &str) -> AnyView {
        let Self { next, name, refusal } = self;
        let wrong = refusal.as_ref().is_some_and(|refusal| refusal.code == "wrong_credentials");
        let calm = refusal.is_none();
        let name = InputLine {
            name: "name",
            label: text::NAME,
            autocomplete: "username",
            text: name,
            first: calm,
            ..InputLine::default()
        };
        let password = InputLine {
            name: "password",
            label: text::PASSWORD,
            autocomplete: "current-password",
            password: true,
            error_id: wrong.then_some("refusal"),
            ..InputLine::default()
        };
        view! {
            <form class="form" method="post" action=url("/api/sign_in")>
                <h1>{text::sign_in_to(&server)}</h1>
                {refusal.map(|refusal| view! { <Refusal text=refusal.message /> })}
                <input type="hidden" name="next" value=next />
                {name.view()}
                {password.view()}
                <button class="button primary" type="submit">
                    {text::SIGN_IN}
                </button>
            </form>
            <footer>
                <span>{text::NEED_AN_ACCOUNT}</span>
            </footer>
        }
        .into_any()
    }
}
