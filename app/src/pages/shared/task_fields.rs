//! Fields of a task's form, one control for each kind of field.

use leptos::prelude::*;
use model::{Choice, Field, FieldKind, PathKind};

mod path;
mod upload;

use self::{path::PathField, upload::UploadField};
use super::text;
use crate::{
    components::{Icon, TextArea},
    context::app,
    forms::Draft,
};

/// More choices than this become a list instead of radio buttons.
const MOST_RADIOS: usize = 3;

/// Ranges up to this are shown beside a number; larger ones are only technical limits.
const WIDEST_RANGE: i64 = 1_000_000;

/// A field with its label, control, error and help.
pub(in crate::pages) fn task_field(field: &Field, draft: &Draft) -> AnyView {
    let control = Control::new(field, draft);
    match &field.kind {
        FieldKind::Text { multiline: true, .. } => control.labelled("field wide", control.text_area()),
        FieldKind::Text { .. } => control.labelled("field", control.line("text")),
        FieldKind::Integer { min, max } => {
            let range = min.zip(*max).filter(|(_, max)| *max <= WIDEST_RANGE);
            control.labelled("field", control.number(range))
        }
        FieldKind::Number { .. } => control.labelled("field", control.line("decimal")),
        FieldKind::Boolean => control.check_box(),
        FieldKind::Choice { choices } if choices.len() <= MOST_RADIOS && !control.optional => control.radios(choices),
        FieldKind::Choice { choices } => control.labelled("field", control.list(choices, field.default.is_none())),
        FieldKind::Path { takes } => control.labelled("field wide", control.path(*takes, draft)),
        FieldKind::Upload => control.labelled("field wide", control.upload(draft)),
    }
}

/// Renders text between backticks as code, as in the doc comment that the help comes from.
fn with_code(help: &str) -> AnyView {
    let parts: Vec<&str> = help.split('`').collect();
    if parts.len() == 1 {
        return help.to_owned().into_any();
    }
    let last = parts.len() - 1;
    let part = |(place, part): (usize, &str)| match place % 2 {
        0 => part.to_owned().into_any(),
        // An unclosed backtick is text.
        _ if place == last => format!("`{part}").into_any(),
        _ => view! { <code>{part.to_owned()}</code> }.into_any(),
    };
    parts.into_iter().enumerate().map(part).collect_view().into_any()
}

/// What a control needs to know of its field.
#[derive(Clone)]
pub(in crate::pages) struct Control {
    pub(in crate::pages) name: String,
    label: String,
    help: String,
    required: bool,
    /// May stay empty, and has no default.
    optional: bool,
    /// The typed text.
    pub(in crate::pages) text: String,
    fault: Option<String>,
    /// Its id; the ids of error and help have it as their prefix.
    pub(in crate::pages) id: String,
    /// The ids of error and help, the error first.
    pub(in crate::pages) described_by: String,
}

impl Control {
    pub(in crate::pages) fn new(field: &Field, draft: &Draft) -> Self {
        let id = format!("field-{}", field.name);
        let help_id = if field.help.is_empty() { String::new() } else { format!(" {id}-help") };
        Self {
            name: field.name.clone(),
            label: field.label.clone(),
            help: field.help.clone(),
            required: field.required,
            optional: !field.required && field.default.as_ref().is_none_or(|default| default == ""),
            text: draft.entry(&field.name).to_owned(),
            fault: draft.fault(&field.name).map(ToOwned::to_owned),
            described_by: format!("{id}-error{help_id}"),
            id,
        }
    }

    pub(in crate::pages) fn invalid(&self) -> Option<&'static str> {
        self.fault.is_some().then_some("true")
    }

    pub(in crate::pages) fn must(&self) -> Option<&'static str> {
        self.required.then_some("true")
    }

    /// The label, marked if the field is optional.
    fn title(&self) -> impl IntoView + use<> {
        let optional = self.optional.then(|| view! { " "<small>{text::OPTIONAL}</small> });
        view! { {self.label.clone()} {optional} }
    }

    /// The error, hidden if there is none, and the help.
    fn notes(&self) -> impl IntoView + use<> {
        let help = (!self.help.is_empty()).then(|| {
            view! {
                <p class="help" id=format!("{}-help", self.id)>
                    {with_code(&self.help)}
                </p>
            }
        });
        view! {
            <p
                class="error"
                id=format!("{}-error", self.id)
                data-field=self.name.clone()
                data-label=self.label.clone()
                hidden=self.fault.is_none()
            >
                <Icon name="warning" />
                <span>{self.fault.clone()}</span>
            </p>
            {help}
        }
    }

    pub(in crate::pages) fn labelled(&self, class: &'static str, control: AnyView) -> AnyView {
        view! {
            <div class=class>
                <label for=self.id.clone()>{self.title()}</label>
                {control}
                {self.notes()}
            </div>
        }
        .into_any()
    }

    /// One line, with the keyboard for phones.
    fn line(&self, input_mode: &'static str) -> AnyView {
        self.input("text", Some(input_mode))
    }

    fn input(&self, kind: &'static str, input_mode: Option<&'static str>) -> AnyView {
        view! {
            <input
                class="input"
                type=kind
                inputmode=input_mode
                id=self.id.clone()
                name=self.name.clone()
                value=self.text.clone()
                aria-describedby=self.described_by.clone()
                aria-invalid=self.invalid()
                aria-required=self.must()
            />
        }
        .into_any()
    }

    pub(in crate::pages) fn moment(&self) -> AnyView {
        self.input("datetime-local", None)
    }

    pub(in crate::pages) fn number(&self, range: Option<(i64, i64)>) -> AnyView {
        match range {
            None => self.line("numeric"),
            Some((min, max)) => view! {
                <div class="with-unit">
                    {self.line("numeric")} <span>{text::number_range(&min, &model::count(max.unsigned_abs()))}</span>
                </div>
            }
            .into_any(),
        }
    }

    fn text_area(&self) -> AnyView {
        view! {
            <TextArea
                text=self.text.clone()
                attr:rows="6"
                attr:id=self.id.clone()
                attr:name=self.name.clone()
                attr:aria-describedby=self.described_by.clone()
                attr:aria-invalid=self.invalid()
                attr:aria-required=self.must()
            />
        }
        .into_any()
    }

    /// An unticked box submits nothing, so a hidden "false" goes before it.
    fn check_box(&self) -> AnyView {
        view! {
            <div class="field wide">
                <input type="hidden" name=self.name.clone() value="false" />
                <label class="choice">
                    <input
                        type="checkbox"
                        id=self.id.clone()
                        name=self.name.clone()
                        value="true"
                        checked=self.text == "true"
                        aria-describedby=self.described_by.clone()
                        aria-invalid=self.invalid()
                    />
                    <span>{self.label.clone()}</span>
                </label>
                {self.notes()}
            </div>
        }
        .into_any()
    }

    fn radios(&self, choices: &[Choice]) -> AnyView {
        let radio = |(index, choice): (usize, &Choice)| {
            view! {
                <label class="choice">
                    <input
                        type="radio"
                        // A link to the field leads to the first.
                        id=(index == 0).then(|| self.id.clone())
                        name=self.name.clone()
                        value=choice.value.clone()
                        checked=choice.value == self.text
                    />
                    <span>{choice.label.clone()}</span>
                </label>
            }
        };
        view! {
            <fieldset class="field" aria-describedby=self.described_by.clone()>
                <legend>{self.title()}</legend>
                <div class="choices">{choices.iter().enumerate().map(radio).collect::<Vec<_>>()}</div>
                {self.notes()}
            </fieldset>
        }
        .into_any()
    }

    fn list(&self, choices: &[Choice], may_be_empty: bool) -> AnyView {
        let option = |choice: &Choice| {
            view! {
                <option value=choice.value.clone() selected=choice.value == self.text>
                    {choice.label.clone()}
                </option>
            }
        };
        view! {
            <select
                class="input"
                id=self.id.clone()
                name=self.name.clone()
                aria-describedby=self.described_by.clone()
                aria-invalid=self.invalid()
                aria-required=self.must()
            >
                {may_be_empty.then(|| view! { <option value=""></option> })}
                {choices.iter().map(option).collect::<Vec<_>>()}
            </select>
        }
        .into_any()
    }

    fn path(&self, takes: PathKind, draft: &Draft) -> AnyView {
        let listing =
            draft.browsing.as_ref().filter(|(field, _)| *field == self.name).map(|(_, listing)| listing.clone());
        let chosen = draft.chosen.as_ref() == Some(&self.name);
        view! { <PathField control=self.clone() takes listing chosen /> }.into_any()
    }

    fn upload(&self, draft: &Draft) -> AnyView {
        let here = draft.files.get(&self.name).cloned();
        view! { <UploadField control=self.clone() here limit=app().upload_limit /> }.into_any()
    }
}
