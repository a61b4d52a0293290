use std::sync::Arc;

use accounts::passwords;
use leptos::prelude::*;
use model::FieldError;

use super::{Refusal, input_line::InputLine};
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
            Some(_) => ("Set your password".to_owned(), "Other sessions will be signed out."),
            None => {
                (format!("Set up {server}"), "You are the first administrator. You can manage users, tasks and queues.")
            }
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
                    {if self.person.is_some() { "Set password" } else { "Create account" }}
                </button>
            </form>
        }
        .into_any()
    }

    /// An input in both cases, so that password managers know the user.
    fn name(&self) -> AnyView {
        let Some(person) = &self.person else {
            let help = "Lowercase letters, digits and . _ - @. Cannot be changed later.".to_owned();
            let (name, fault) = (self.name.clone(), self.fault("name"));
            let first = self.refusal.is_none() && self.begins_with_name();
            let line =
                InputLine { name: "name", label: "Name", autocomplete: "username", text: name, ..InputLine::default() };
            return InputLine { help, fault, first, ..line }.view().into_any();
        };
        view! {
            <div class="field">
                <label for="field-name">"Name"</label>
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
        let line = new_password("password", "Password", self.fault("password"));
        InputLine {
            help: format!("At least {} characters; a few random words work well.", passwords::SHORTEST),
            first: self.refusal.is_none() && !self.begins_with_name(),
            ..line
        }
        .view()
    }

    fn again(&self) -> impl IntoView {
        new_password("again", "Confirm password", self.fault("again")).view()
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
