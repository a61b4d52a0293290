use leptos::prelude::*;

/// One line of a list of details.
#[component]
pub(in crate::pages) fn Detail(#[prop(into)] term: String, children: Children) -> impl IntoView {
    view! {
        <div>
            <dt>{term}</dt>
            <dd>{children()}</dd>
        </div>
    }
}
