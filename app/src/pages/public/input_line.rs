use leptos::prelude::*;

use crate::components::Icon;

/// Input line of the public pages: a name or a password.
#[derive(Clone, Debug, Default)]
pub(super) struct InputLine {
    pub name: &'static str,
    pub label: &'static str,
    pub autocomplete: &'static str,
    /// The typed text; never that of a password.
    pub text: String,
    pub password: bool,
    /// The shortest accepted text, characters, for validation in the browser.
    pub shortest: Option<usize>,
    pub help: String,
    pub fault: Option<String>,
    /// The id of another element that contains the error.
    pub error_id: Option<&'static str>,
    /// Has the focus.
    pub first: bool,
}

impl InputLine {
    pub(super) fn view(self) -> impl IntoView {
        let id = format!("field-{}", self.name);
        let (error_id, help_id) = (format!("{id}-error"), format!("{id}-help"));
        let error = self.fault.map(|fault| {
            view! {
                <p class="error" id=error_id.clone()>
                    <Icon name="warning" />
                    <span>{fault}</span>
                </p>
            }
        });
        let help = (!self.help.is_empty()).then(|| view! { <p class="help" id=help_id.clone()>{self.help}</p> });
        let notes =
            [self.error_id.map(str::to_owned), error.is_some().then_some(error_id), help.is_some().then_some(help_id)];
        let notes: Vec<_> = notes.into_iter().flatten().collect();
        let wrong = error.is_some() || self.error_id.is_some();
        view! {
            <div class="field">
                <label for=id.clone()>{self.label}</label>
                <input
                    class="input"
                    type=if self.password { "password" } else { "text" }
                    id=id
                    name=self.name
                    value=self.text
                    autocomplete=self.autocomplete
                    autocapitalize="none"
                    spellcheck="false"
                    minlength=self.shortest.map(|least| least.to_string())
                    required=true
                    autofocus=self.first
                    aria-invalid=wrong.then_some("true")
                    aria-describedby=(!notes.is_empty()).then(|| notes.join(" "))
                />
                {error}
                {help}
            </div>
        }
    }
}
