//! About page: version, licences, and for administrators the server itself.

mod text;

use engine::{
    Installation, Process,
    access::Action,
    store::{Role, sqlite_version},
};
use leptos::{either::Either, prelude::*};
use leptos_meta::Title;
use model::{bytes, count, duration};

use super::shared::{Detail, from_store};
use crate::{
    base_path::url,
    components::{Icon, Timestamp},
    context::app,
    layout::PageContext,
};

/// The licence of Milepost.
const LICENCE: &str = include_str!("../../../LICENSE");
/// Characters of a commit that are shown.
const SHORT_COMMIT: usize = 12;

/// `/about`.
#[component]
pub fn About() -> impl IntoView {
    let administers = app().engine.can(Action::Administer);
    view! {
        <Title text=text::ABOUT />
        <header class="page-head">
            {app().engine.can(Action::OwnAccount).then(below_settings)}
            <h1>{text::ABOUT}</h1>
        </header>
        <div class="part" data-part="about">
            <div class="stack">
                {if administers {
                    let installation = async { app().engine.installation().await };
                    Either::Left(from_store(installation, |installation| view! { <Administered installation /> }))
                } else {
                    Either::Right(view! { <Program /> })
                }} <Licences />
            </div>
        </div>
    }
}

/// Where a user with settings came from.
fn below_settings() -> impl IntoView {
    view! {
        <nav class="crumbs" aria-label=text::YOU_ARE_HERE>
            <ol>
                <li>
                    <a href=url("/settings")>{text::SETTINGS}</a>
                </li>
                <li aria-current="page">{text::ABOUT}</li>
            </ol>
        </nav>
    }
}

/// The program, and the server that it runs as.
#[component]
fn Administered(installation: Installation) -> impl IntoView {
    let processes = installation.processes.clone();
    view! {
        <div class="split even">
            <Program />
            <Server installation />
        </div>
        <Workers processes />
    }
}

/// Version, build and SQLite.
#[component]
fn Program() -> impl IntoView {
    let app = app();
    let commit = match app.program.commit {
        Some((commit, date)) => {
            let short = commit.get(..SHORT_COMMIT).unwrap_or(commit);
            Either::Left(view! {
                <code title=commit>{short}</code>
                ", "
                {date}
            })
        }
        None => Either::Right(text::DEVELOPMENT_BUILD),
    };
    view! {
        <section class="card" aria-labelledby="program">
            <header>
                <h2 id="program">{text::MILEPOST}</h2>
            </header>
            <dl class="body details">
                <Detail term=text::VERSION>{app.program.version}</Detail>
                <Detail term=text::BUILD>
                    <code>{app.build.to_string()}</code>
                </Detail>
                <Detail term=text::COMMIT>{commit}</Detail>
                <Detail term=text::SQLITE>{sqlite_version()}</Detail>
            </dl>
        </section>
    }
}

/// Uptime and data directory.
#[component]
fn Server(installation: Installation) -> impl IntoView {
    let Installation { data_dir, usage, free, .. } = installation;
    let used = usage.database + usage.artifacts + usage.uploads + usage.imports;
    let uptime = app().uptime;
    let now = use_context::<PageContext>().map_or_else(|| app().engine.now(), |context| context.now);
    let started = model::Micros(now.0 - uptime.as_micros() as i64);
    view! {
        <section class="card" aria-labelledby="server">
            <header>
                <h2 id="server">{text::SERVER}</h2>
                <span class="hint">{text::FOR_ADMINISTRATORS}</span>
            </header>
            <dl class="body details">
                <Detail term=text::UPTIME>
                    {duration(uptime.as_secs_f64())} {text::SINCE} <Timestamp at=started />
                </Detail>
                <Detail term=text::DATA_DIRECTORY>
                    <code>{data_dir.display().to_string()}</code>
                </Detail>
                <Detail term=text::USED>{bytes(used)}</Detail>
                <Detail term=text::FREE>{free.map_or_else(|| text::UNKNOWN.to_owned(), bytes)}</Detail>
            </dl>
        </section>
    }
}

/// The processes that run jobs, and the tasks that each is for.
#[component]
fn Workers(processes: Vec<Process>) -> impl IntoView {
    let slots: u64 = processes.iter().map(|process| u64::from(process.slots)).sum();
    view! {
        <section class="card" aria-labelledby="workers">
            <header>
                <h2 id="workers">{text::WORKERS}</h2>
                <span class="hint">{text::slots(slots)}</span>
            </header>
            <table class="table stacking workers">
                <thead>
                    <tr>
                        <th scope="col">{text::PROCESS}</th>
                        <th scope="col">{text::SLOTS}</th>
                        <th scope="col">{text::RUNS}</th>
                    </tr>
                </thead>
                <tbody>{processes.into_iter().map(row).collect::<Vec<_>>()}</tbody>
            </table>
        </section>
    }
}

fn row(process: Process) -> impl IntoView {
    let name = match process.role {
        Role::Server => text::SERVER,
        Role::Worker => text::WORKER,
    };
    view! {
        <tr>
            <th scope="row">{name} " " <small class="muted">{text::process_id(process.pid)}</small></th>
            <td data-label=text::SLOTS>{count(process.slots.into())}</td>
            <td data-label=text::RUNS>{runs(&process)}</td>
        </tr>
    }
}

/// The tasks that a process runs, by name.
fn runs(process: &Process) -> String {
    let engine = app().engine;
    match &process.kinds {
        _ if process.slots == 0 => text::RUNS_NO_JOBS.to_owned(),
        None => text::UNKNOWN.to_owned(),
        Some(kinds) if engine.catalogue().iter().all(|task| kinds.iter().any(|kind| kind == task.kind.as_str())) => {
            text::ALL_TASKS.to_owned()
        }
        Some(kinds) => {
            let name = |kind: &String| engine.task(kind).map_or_else(|| kind.clone(), |task| task.name.to_owned());
            kinds.iter().map(name).collect::<Vec<_>>().join(", ")
        }
    }
}

/// The licence of Milepost, and those of its dependencies where the program contains them.
#[component]
fn Licences() -> impl IntoView {
    let dependencies = if app().program.has_licences {
        Either::Left(view! { <a href=url("/about/licences.txt")>{text::THIRD_PARTY_LICENCES}</a> })
    } else {
        Either::Right(view! {
            {text::LICENCES_NOT_INCLUDED}
            <code>{text::MAKE_DIST}</code>
            {text::WRITES_LICENCES_TO}
            <code>{text::LICENCES_FILE}</code>
            "."
        })
    };
    view! {
        <section class="card" aria-labelledby="licences">
            <header>
                <h2 id="licences">{text::LICENCES}</h2>
            </header>
            <div class="body stack licences">
                <p>{dependencies}</p>
                <details class="disclosure">
                    <summary>
                        <Icon name="right" />
                        {text::MILEPOST_LICENCE}
                    </summary>
                    <pre>{LICENCE}</pre>
                </details>
            </div>
        </section>
    }
}
