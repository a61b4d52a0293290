use std::sync::Arc;

use accounts::passwords;
use leptos::prelude::*;
use model::FieldError;

use super::{Refusal, input_line::InputLine, text};
use crate::base_path::url;

/// Set-up page: the form to set a password, opened with a link.
#[derive(Clone, Debug, Default)]
pub struct SetUpForm {
    /// The link's secret.
    pub link: String,
    /// The user of the link; `None` creates the first administrator.
    pub person: Option<Arc<str>>,
    /// The name that was typed before.
    pub name: String,
    pub faults: Vec<FieldError>,
    /// Why the form was refused, if no field is to blame.
    pub refusal: Option<String>,
}

impl SetUpForm {
    pub(super) fn card(self, server: &str) -> AnyView {
        let (head, lead) = match &self.person {
            Some(_) => (text::SET_YOUR_PASSWORD.to_owned(), text::OTHER_SESSIONS_WILL_BE_SIGNED),
            None => (text::set_up_server(&server), text::FIRST_ADMINISTRATOR),
        };
        view! {
            <form class="form" method="post" action=url("/api/set_up")>
                <h1>{head}</h1>
                <p>{lead}</p>
                {self.refusal.clone().map(|text| view! { <Refusal text /> })}
                <input type="hidden" name="link" value=self.link.clone() />
                {self.name()}
                {self.password()}
                {self.again()}
                <button class="button primary" type="submit">
                    {if self.person.is_some() { text::SET_PASSWORD } else { text::CREATE_ACCOUNT }}
                </button>
            </form>
        }
        .into_any()
    }

    /// An input in both cases, so that password managers know the user.
    fn name(&self) -> AnyView {
        let Some(person) = &self.person else {
            let help = text::NAME_HELP.to_owned();
            let (name, fault) = (self.name.clone(), self.fault("name"));
            let first = self.refusal.is_none() && self.begins_with_name();
            let line = InputLine {
                name: "name",
                label: text::NAME,
                autocomplete: "username",
                text: name,
                ..InputLine::default()
            };
            return InputLine { help, fault, first, ..line }.view().into_any();
        };
        view! {
            <div class="field">
                <label for="field-name">{text::NAME}</label>
                <input
                    class="input"
                    type="text"
                    id="field-name"
                    value=person.to_string()
                    autocomplete="username"
                    readonly=true
                />
            </div>
        }
        .into_any()
    }

    fn password(&self) -> impl IntoView {
        let line = new_password("password", text::PASSWORD, self.fault("password"));
        InputLine {
            help: text::password_help(&passwords::SHORTEST),
            first: self.refusal.is_none() && !self.begins_with_name(),
            ..line
        }
        .view()
    }

    fn again(&self) -> impl IntoView {
        new_password("again", text::CONFIRM_PASSWORD, self.fault("again")).view()
    }

    fn fault(&self, field: &str) -> Option<String> {
        self.faults.iter().find(|fault| fault.field == field).map(|fault| fault.message.clone())
    }

    /// Where the focus starts: passwords are typed again after any error.
    fn begins_with_name(&self) -> bool {
        self.person.is_none() && (self.faults.is_empty() || self.fault("name").is_some())
    }
}

fn new_password(name: &'static str, label: &'static str, fault: Option<String>) -> InputLine {
    InputLine {
        name,
        label,
        autocomplete: "new-password",
        password: true,
        shortest: Some(passwords::SHORTEST),
        fault,
        ..InputLine::default()
    }
}
