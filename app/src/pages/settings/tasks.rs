//! Task settings page: who can run a task, and who can see its jobs.

use engine::{TaskInfo, store::KindRule};
use leptos::prelude::*;
use model::Role;

use super::{Section, Settings};
use crate::{base_path::url, components::TaskName, context::app, pages::shared::from_store};

/// `/settings/tasks`.
#[component]
pub fn Tasks() -> impl IntoView {
    let table = |rules| view! { <Table rules /> };
    view! {
        <Settings section=Section::Tasks>
            {from_store(async { app().engine.kind_rules().await }, table)}
        </Settings>
    }
}

#[component]
fn Table(rules: Vec<KindRule>) -> impl IntoView {
    let engine = app().engine;
    let row = |task: &TaskInfo| {
        let decided = rules.iter().find(|rule| rule.kind == task.kind.as_str()).cloned();
        view! { <Row task=task.clone() decided /> }
    };
    let rows: Vec<_> = engine.catalogue().iter().map(row).collect();
    view! {
        <section class="card" aria-labelledby="tasks">
            <header>
                <h2 id="tasks">"Tasks"</h2>
                <span class="count-badge">{rows.len().to_string()}</span>
            </header>
            <table class="table stacking rules">
                <thead>
                    <tr>
                        <th scope="col">"Task"</th>
                        <th scope="col">"Who can run"</th>
                        <th scope="col">"Who can see jobs"</th>
                        <th scope="col">
                            <span class="visually-hidden">"Save"</span>
                        </th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
            <footer>"Users who can run a task can also cancel, retry and pause its jobs, if they can see them."</footer>
        </section>
    }
}

#[component]
fn Row(task: TaskInfo, decided: Option<KindRule>) -> impl IntoView {
    let kind = task.kind.as_str();
    let form = format!("rule-{kind}");
    let start = decided.as_ref().and_then(|rule| rule.start).map_or("", Role::as_str);
    let seen = decided.as_ref().and_then(|rule| rule.private).map_or("", who_sees);
    let starts = [
        (String::new(), format!("Default: {}", starters(task.start_role))),
        (Role::Operator.as_str().to_owned(), capital(starters(Role::Operator))),
        (Role::Administrator.as_str().to_owned(), capital(starters(Role::Administrator))),
    ];
    let sees = [
        (String::new(), format!("Default: {}", seers(task.private))),
        (who_sees(false).to_owned(), capital(seers(false))),
        (who_sees(true).to_owned(), capital(seers(true))),
    ];
    view! {
        <tr>
            <th scope="row">
                <TaskName kind=kind.to_owned() name=task.name.to_owned()>
                    {task.about}
                </TaskName>
            </th>
            <td data-label="Who can run">
                <Choice form=form.clone() name="start" label=format!("Who can run {}", task.name) choices=starts chosen=start />
            </td>
            <td data-label="Who can see jobs">
                <Choice form=form.clone() name="seen_by" label=format!("Who can see jobs of {}", task.name) choices=sees chosen=seen />
            </td>
            <td class="number">
                <form id=form method="post" action=url("/api/change_kind_rule")>
                    <input type="hidden" name="kind" value=kind />
                    <button class="button small" type="submit">
                        "Save"
                        <span class="visually-hidden">{format!(" for {}", task.name)}</span>
                    </button>
                </form>
            </td>
        </tr>
    }
}

/// A list in one cell for the form in another.
#[component]
fn Choice(
    form: String,
    name: &'static str,
    label: String,
    choices: [(String, String); 3],
    chosen: &'static str,
) -> impl IntoView {
    let option = |(value, word): (String, String)| {
        let selected = value == chosen;
        view! { <option value=value selected=selected>{word}</option> }
    };
    view! {
        <select class="input" form=form name=name aria-label=label>
            {choices.into_iter().map(option).collect::<Vec<_>>()}
        </select>
    }
}

const fn starters(role: Role) -> &'static str {
    match role {
        Role::Viewer | Role::Operator => "operators",
        Role::Administrator => "administrators",
    }
}

const fn seers(private: bool) -> &'static str {
    if private { "owner and administrators" } else { "everyone" }
}

/// The value that the form submits.
const fn who_sees(private: bool) -> &'static str {
    if private { "starter" } else { "everybody" }
}

fn capital(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
