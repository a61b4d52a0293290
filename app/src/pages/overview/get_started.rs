//! Get started: what an administrator of a new installation does first.

use std::path::PathBuf;

use engine::{
    access::Action,
    store::{FirstSteps, ScheduleId},
};
use leptos::{either::Either, prelude::*};
use model::count;

use super::text;
use crate::{
    base_path::url,
    components::Icon,
    context::app,
    server_fns::{BACKUP, DEMO},
};

/// The root of `make run`: nothing that a user would work on.
const SAMPLES: &str = "end2end/samples";
/// Roots that are named; the others are counted.
const NAMED_ROOTS: usize = 2;

/// What has been done.
pub(super) struct Steps {
    pub(super) demo_started: bool,
    roots: Vec<PathBuf>,
    /// Whether tasks may read more than the folder that exists by default, or the samples.
    folder_connected: bool,
    /// Users; `None` if sign-in is off.
    users: Option<u64>,
    backup: Option<(ScheduleId, String)>,
}

impl Steps {
    /// Reads the steps; `None` if there is nothing left to do, if the card is hidden, and for all but administrators.
    pub(super) async fn read() -> engine::Result<Option<Self>> {
        let engine = app().engine;
        if !engine.can(Action::Administer) {
            return Ok(None);
        }
        let Some(FirstSteps { started, users, backup }) = engine.first_steps(DEMO, BACKUP).await? else {
            return Ok(None);
        };
        let (roots, configured) = engine.roots()?;
        let steps = Self {
            demo_started: started,
            folder_connected: configured && !roots.iter().all(|root| root.ends_with(SAMPLES)),
            roots: roots.to_vec(),
            users: engine.can(Action::ManageUsers).then_some(users),
            backup,
        };
        Ok((!steps.are_done()).then_some(steps))
    }

    const fn are_done(&self) -> bool {
        self.demo_started && self.folder_connected && self.are_users_and_backup_done()
    }

    const fn are_users_and_backup_done(&self) -> bool {
        !self.lacks_users() && self.backup.is_some()
    }

    const fn lacks_users(&self) -> bool {
        matches!(self.users, Some(..2))
    }
}

/// Three lines. Its forms post, so that each button works before the script has arrived.
#[component]
pub(super) fn GetStarted(steps: Steps) -> impl IntoView {
    view! {
        <section class="card" aria-labelledby="get-started">
            <header>
                <h2 id="get-started">{text::GET_STARTED}</h2>
                <span class="hint">{text::FOR_ADMINISTRATORS}</span>
                <form class="actions" method="post" action=url("/api/hide_get_started")>
                    <button class="button quiet small" type="submit">
                        {text::HIDE}
                        <span class="visually-hidden">{text::HIDE_GET_STARTED}</span>
                    </button>
                </form>
            </header>
            <ul class="attention steps">
                {demo(steps.demo_started)} {folder(steps.folder_connected, &steps.roots)} {users_and_backup(&steps)}
            </ul>
        </section>
    }
}

/// One step: its name, a sentence, and buttons.
fn step(
    key: &'static str,
    done: bool,
    name: &'static str,
    sentence: impl IntoView,
    buttons: Option<AnyView>,
) -> impl IntoView {
    let state = if done { "succeeded" } else { "queued" };
    view! {
        <li data-state=state data-key=key>
            <Icon name=state />
            <p>
                {done.then(|| view! { <span class="visually-hidden">{text::DONE}</span> })} <b>{name}</b> " " {sentence}
            </p>
            {buttons.map(|buttons| view! { <div class="actions">{buttons}</div> })}
        </li>
    }
}

fn demo(started: bool) -> impl IntoView {
    let (sentence, button) = if started {
        let jobs = url(&format!("/jobs?kind={DEMO}"));
        let view = view! {
            <a class="button small" href=jobs>
                {text::VIEW}
                <span class="visually-hidden">{text::THE_DEMO}</span>
            </a>
        };
        (text::DEMO_HAS_STARTED, Some(view.into_any()))
    } else {
        (text::DEMO_HINT, super::start_demo("button small primary").map(IntoAny::into_any))
    };
    step("demo", started, text::RUN_A_FIRST_JOB, sentence, button)
}

fn folder(connected: bool, roots: &[PathBuf]) -> impl IntoView {
    let named: Vec<_> = roots
        .iter()
        .take(NAMED_ROOTS)
        .enumerate()
        .map(|(nth, root)| {
            view! {
                {(nth > 0).then_some(", ")}
                <code>{root.display().to_string()}</code>
            }
        })
        .collect();
    let others = roots.len().saturating_sub(NAMED_ROOTS);
    let hint = (!connected).then(|| {
        view! {
            {text::ADD_A_FOLDER}
            <code class="nowrap">{text::ROOT_FLAG}</code>
            "."
        }
    });
    let sentence = view! {
        {text::TASKS_CAN_READ}
        {named}
        {(others > 0).then(|| text::more_roots(others))}
        ". "
        {hint}
    };
    step("folder", connected, text::CONNECT_A_FOLDER, sentence, None)
}

fn users_and_backup(steps: &Steps) -> impl IntoView {
    let has_accounts = steps.users.is_some();
    let users = steps.users.map(|users| match users {
        ..2 => text::ONLY_USER.to_owned(),
        users => text::users(&count(users)),
    });
    let backup = match &steps.backup {
        None => Either::Left(text::NO_BACKUP),
        Some((id, name)) => Either::Right(view! {
            <a href=url(&format!("/schedules/{id}"))>{name.clone()}</a>
            {text::COPIES_THE_DATABASE}
        }),
    };
    let add_users = steps.lacks_users().then(|| {
        view! {
            <a class="button small" href=url("/settings/users")>
                {text::ADD_USERS}
            </a>
        }
    });
    let schedule_backup = steps.backup.is_none().then(|| {
        view! {
            <form method="post" action=url("/api/schedule_backup")>
                <button class="button small" type="submit">
                    {text::SCHEDULE_BACKUP}
                </button>
            </form>
        }
    });
    let name = if has_accounts { text::ADD_USERS_AND_A_BACKUP } else { text::BACK_UP_EVERY_NIGHT };
    let sentence = view! {
        {users}
        {has_accounts.then_some(" ")}
        {backup}
    };
    let buttons = view! { {add_users} {schedule_backup} };
    let buttons = (steps.lacks_users() || steps.backup.is_none()).then(|| buttons.into_any());
    step("backup", steps.are_users_and_backup_done(), name, sentence, buttons)
}
