use leptos::prelude::*;

use super::text;
use crate::{
    base_path::url,
    pages::shared::{Faults, ServerForm},
};

/// A card with the form of one setting.
#[component]
pub(super) fn FormCard(
    /// Of the heading.
    id: &'static str,
    title: &'static str,
    /// The server function of `form`.
    function: &'static str,
    form: ServerForm,
    /// Names and labels of its fields.
    labels: &'static [(&'static str, &'static str)],
    #[prop(default = text::NOT_SAVED)] not: &'static str,
    #[prop(default = text::SAVE)] save: &'static str,
    #[prop(optional)] hint: Option<&'static str>,
    children: Children,
) -> impl IntoView {
    view! {
        <form class="card" method="post" action=url(&format!("/api/{function}")) aria-labelledby=id>
            <header>
                <h2 id=id>{title}</h2>
            </header>
            <div class="body form">
                <Faults form not=not labels=labels />
                {children()}
            </div>
            <footer>
                {hint.map(|hint| view! { <span>{hint}</span> })}
                <div class="actions">
                    <button class="button small primary" type="submit">
                        {save}
                    </button>
                </div>
            </footer>
        </form>
    }
}
