//! Fields of settings forms, with their errors.

use leptos::prelude::*;
use model::FieldError;

use super::text;
use crate::{
    components::{Icon, TextArea, field_error_line},
    server_fns::FormState,
};

/// The form of one server function, and its state if it was just submitted.
#[derive(Clone)]
pub(in crate::pages) struct ServerForm {
    function: &'static str,
    sent: Option<FormState>,
}

/// A field with its ids and its error.
#[derive(Clone)]
pub(in crate::pages) struct Field {
    pub(in crate::pages) name: &'static str,
    /// Its id; the ids of error and help have it as their prefix.
    pub(in crate::pages) id: String,
    label: &'static str,
    help: &'static str,
    fault: Option<String>,
    is_focused: bool,
}

impl ServerForm {
    pub(in crate::pages) fn new(function: &'static str) -> Self {
        Self { function, sent: FormState::of(function) }
    }

    pub(in crate::pages) const fn sent(&self) -> Option<&FormState> {
        self.sent.as_ref()
    }

    /// The typed text of a refused form.
    pub(in crate::pages) fn entry(&self, name: &str) -> Option<String> {
        self.refused()?.entry(name).map(str::to_owned)
    }

    /// The state of a form that was refused.
    pub(in crate::pages) fn refused(&self) -> Option<&FormState> {
        self.sent.as_ref().filter(|sent| sent.outcome.is_err())
    }

    pub(in crate::pages) fn field(&self, name: &'static str, label: &'static str, help: &'static str) -> Field {
        let fault = self.sent.as_ref().and_then(|sent| sent.fault(name)).map(str::to_owned);
        Field { name, id: format!("{}-{name}", self.function), label, help, fault, is_focused: false }
    }
}

impl Field {
    pub(in crate::pages) fn invalid(&self) -> Option<&'static str> {
        self.fault.is_some().then_some("true")
    }

    /// Takes the focus when the page opens, unless an error summary does.
    pub(in crate::pages) fn focused(self) -> Self {
        Self { is_focused: self.fault.is_none(), ..self }
    }

    /// The ids of error and help, the error first.
    pub(in crate::pages) fn described_by(&self) -> Option<String> {
        let error = self.fault.as_ref().map(|_| format!("{}-error", self.id));
        let help = (!self.help.is_empty()).then(|| format!("{}-help", self.id));
        let ids: Vec<_> = [error, help].into_iter().flatten().collect();
        (!ids.is_empty()).then(|| ids.join(" "))
    }

    /// An input of the HTML type `kind`. A password never comes back.
    pub(in crate::pages) fn line(
        self,
        kind: &'static str,
        autocomplete: &'static str,
        text: Option<String>,
    ) -> AnyView {
        let text = text.filter(|_| kind != "password");
        let control = view! {
            <input
                class="input"
                type=kind
                id=self.id.clone()
                name=self.name
                value=text
                autocomplete=autocomplete
                autofocus=self.is_focused
                aria-describedby=self.described_by()
                aria-invalid=self.invalid()
            />
        };
        self.around(control)
    }

    /// A text area of at most `longest` characters.
    pub(in crate::pages) fn area(self, longest: usize, text: String) -> AnyView {
        let control = view! {
            <TextArea
                text
                attr:id=self.id.clone()
                attr:name=self.name
                attr:rows="3"
                attr:required=true
                attr:maxlength=longest.to_string()
                attr:aria-describedby=self.described_by()
                attr:aria-invalid=self.invalid()
            />
        };
        self.around(control)
    }

    /// A `<select>` of values with their labels.
    pub(in crate::pages) fn list(self, choices: Vec<(String, String)>, chosen: &str) -> AnyView {
        let option = |(value, word): (String, String)| {
            let selected = value == chosen;
            view! { <option value=value selected=selected>{word}</option> }
        };
        let control = view! {
            <select
                class="input"
                id=self.id.clone()
                name=self.name
                aria-describedby=self.described_by()
                aria-invalid=self.invalid()
            >
                {choices.into_iter().map(option).collect::<Vec<_>>()}
            </select>
        };
        self.around(control)
    }

    /// Label, control, error and help.
    fn around(self, control: impl IntoView + 'static) -> AnyView {
        let label = view! { <label for=self.id.clone()>{self.label}</label> };
        view! { <div class="field">{label} {control} {self.notes()}</div> }.into_any()
    }

    /// Several controls under one legend.
    pub(in crate::pages) fn group(self, controls: impl IntoView + 'static) -> AnyView {
        view! {
            <fieldset class="field wide" id=self.id.clone() tabindex="-1" aria-describedby=self.described_by()>
                <legend>{self.label}</legend>
                {controls}
                {self.notes()}
            </fieldset>
        }
        .into_any()
    }

    fn notes(&self) -> impl IntoView + use<> {
        let error = self.fault.clone().map(|fault| {
            view! {
                <p class="error" id=format!("{}-error", self.id)>
                    <Icon name="warning" />
                    <span>{fault}</span>
                </p>
            }
        });
        let help = (!self.help.is_empty()).then(|| {
            view! {
                <p class="help" id=format!("{}-help", self.id)>
                    {self.help}
                </p>
            }
        });
        view! { {error} {help} }
    }
}

/// Error summary at the top of the form. It takes the focus, so that a page that comes back with errors starts here.
#[component]
pub(in crate::pages) fn Faults(
    form: ServerForm,
    /// What was not done: "Not changed".
    not: &'static str,
    /// The labels of the fields, by name.
    labels: &'static [(&'static str, &'static str)],
) -> impl IntoView {
    let faults = form.refused().and_then(|sent| sent.outcome.as_ref().err()).map(|refusal| refusal.fields.clone())?;
    let head = match faults.len() {
        1 => text::fix_one_field(&not),
        several => text::fix_fields(&not, &several),
    };
    let item = |fault: FieldError| {
        let label = labels.iter().find(|(name, _)| *name == fault.field).map_or("", |(_, label)| label);
        let href = format!("#{}-{}", form.function, fault.field);
        view! {
            <li>
                <a href=href>{field_error_line(label, &fault.message)}</a>
            </li>
        }
    };
    Some(view! {
        <div class="notice bad" role="alert" tabindex="-1" autofocus=true>
            <Icon name="warning" />
            <div>
                <h3>{head}</h3>
                <ul>{faults.into_iter().map(item).collect::<Vec<_>>()}</ul>
            </div>
        </div>
    })
}
