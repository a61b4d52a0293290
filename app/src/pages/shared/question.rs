//! Questions: a link opens a dialog before an action that cannot be undone. Without script the link leads to the same
//! page with `?confirm=`, which shows the dialog beside the link.

use std::fmt::Display;

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::text;

#[derive(Clone, Debug)]
pub(in crate::pages) struct Question {
    /// Of the dialog.
    id: String,
    /// The page with the dialog.
    link: String,
    /// The page without it.
    page: String,
    /// Whether the address asks it.
    asked: bool,
}

impl Question {
    /// A question on the page at `page`; `what` distinguishes it from others there.
    pub(in crate::pages) fn new(page: String, what: &dyn Display) -> Self {
        let what = what.to_string();
        let asked = use_query_map().read_untracked().get("confirm").as_ref() == Some(&what);
        Self { id: format!("confirm-{what}"), link: format!("{page}?confirm={what}"), page, asked }
    }

    /// Another page to return to without an action.
    pub(in crate::pages) fn or_back_to(self, page: Option<String>) -> Self {
        Self { page: page.unwrap_or(self.page), ..self }
    }
}

/// The link that asks a question.
#[component]
pub(in crate::pages) fn Ask(
    question: Question,
    class: &'static str,
    /// The name of a link that shows only an icon.
    #[prop(optional)]
    label: Option<String>,
    children: Children,
) -> impl IntoView {
    view! {
        <a class=class href=question.link data-opens=question.id aria-label=label.clone() title=label>
            {children()}
        </a>
    }
}

/// The dialog of a question, with the form of the action.
#[component]
pub(in crate::pages) fn QuestionDialog(
    question: Question,
    title: String,
    consequences: String,
    /// The name of the button that closes it.
    #[prop(default = text::CANCEL)]
    keep: &'static str,
    children: Children,
) -> impl IntoView {
    let Question { id, page, asked, .. } = question;
    let heading = format!("{id}-title");
    let (labelled_by, closes) = (heading.clone(), id.clone());
    view! {
        <dialog class="dialog" class:shown=asked open=asked id=id aria-labelledby=labelled_by>
            <div>
                <h2 id=heading>{title}</h2>
                <p>{consequences}</p>
            </div>
            <footer>
                <a class="button" href=page data-closes=closes autofocus=asked>
                    {keep}
                </a>
                {children()}
            </footer>
        </dialog>
    }
}
