//! Card of a task in a catalogue. The whole card is a link.

use engine::TaskInfo;
use leptos::prelude::*;

use crate::components::{Icon, kind_icon};

/// Name and description of `task`, and `children` below them.
#[component]
pub fn TaskCard(task: TaskInfo, href: String, #[prop(optional)] children: Option<Children>) -> impl IntoView {
    view! {
        <li class="card task-card">
            <span class="kind large">
                <Icon name=kind_icon(task.kind.as_str()) />
            </span>
            <h2>
                <a href=href>{task.name}</a>
            </h2>
            <p>{task.about}</p>
            {children.map(|children| children())}
        </li>
    }
}
