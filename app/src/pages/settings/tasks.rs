//! Task settings page: who can run a task, and who can see its jobs.

mod text;

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
                <h2 id="tasks">{text::TASKS}</h2>
                <span class="count-badge">{rows.len().to_string()}</span>
            </header>
            <table class="table stacking rules">
                <thead>
                    <tr>
                        <th scope="col">{text::TASK}</th>
                        <th scope="col">{text::WHO_CAN_RUN}</th>
                        <th scope="col">{text::WHO_CAN_SEE_JOBS}</th>
                        <th scope="col">
                            <span class="visually-hidden">{text::SAVE}</span>
                        </th>
                    </tr>
                </thead>
                <tbody data-part="rules">{rows}</tbody>
            </table>
            <footer>{text::RUN_HINT}</footer>
        </section>
    }
}

#[component]
fn Row(task: TaskInfo, decided: Option<KindRule>) -> impl IntoView {
    let kind = task.kind.as_str();
    let form = format!("rule-{kind}");
    let start = decided.as_ref().and_then(|rule| rule.start).map_or("", Role::as_str);
    let seen = decided.as_ref().and_then(|rule| rule.private).map_or("", visibility_value);
    let starts = [
        (String::new(), text::default_choice(&who_can_run(task.start_role))),
        (Role::Operator.as_str().to_owned(), capital(who_can_run(Role::Operator))),
        (Role::Administrator.as_str().to_owned(), capital(who_can_run(Role::Administrator))),
    ];
    let sees = [
        (String::new(), text::default_choice(&who_can_see(task.private))),
        (visibility_value(false).to_owned(), capital(who_can_see(false))),
        (visibility_value(true).to_owned(), capital(who_can_see(true))),
    ];
    view! {
        <tr>
            <th scope="row">
                <TaskName kind=kind.to_owned() name=task.name.to_owned()>
                    {task.about}
                </TaskName>
            </th>
            <td data-label=text::WHO_CAN_RUN>
                <Choice form=form.clone() name="start" label=text::who_can_run(&task.name) choices=starts chosen=start />
            </td>
            <td data-label=text::WHO_CAN_SEE_JOBS>
                <Choice form=form.clone() name="seen_by" label=text::who_can_see_jobs_of(&task.name) choices=sees chosen=seen />
            </td>
            <td class="number">
                <form id=form method="post" action=url("/api/change_kind_rule")>
                    <input type="hidden" name="kind" value=kind />
                    <button class="button small" type="submit">
                        {text::SAVE}
                        <span class="visually-hidden">{text::for_task(&task.name)}</span>
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

const fn who_can_run(role: Role) -> &'static str {
    match role {
        Role::Viewer | Role::Operator => "operators",
        Role::Administrator => "administrators",
    }
}

const fn who_can_see(private: bool) -> &'static str {
    if private { text::OWNER_AND_ADMINISTRATORS } else { "everyone" }
}

/// The value that the form submits.
const fn visibility_value(private: bool) -> &'static str {
    if private { "starter" } else { "everybody" }
}

fn capital(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
