//! The moving parts of jobs, on every page.

mod bindings;
mod job_page;
mod row_slots;

use std::cell::RefCell;

use leptos::prelude::*;
use model::{JobId, JobView};
use web_sys::Element;

use self::bindings::Binding;
use crate::{
    browser,
    browser::json::Json,
    live::{self, decode},
};

/// Keeps every element with `data-job` true to its job: one effect for each, which writes into the markup that the
/// server drew. Nothing is drawn a second time here.
#[island]
pub fn LiveJobs() -> impl IntoView {
    super::on_hydrate(|| {
        bind_all();
        browser::all(&document(), "[data-places]").for_each(row_slots::fill);
    });
}

/// An element that follows its job.
struct Bound {
    root: Element,
    view: RwSignal<JobView>,
    /// Of the effect.
    owner: Owner,
}

thread_local! {
    static BOUND: RefCell<Vec<Bound>> = RefCell::default();
}

/// Binds what has come into the page, and lets go of what has left it.
pub(super) fn bind_all() {
    let gone: Vec<Bound> =
        BOUND.with_borrow_mut(|bound| bound.extract_if(.., |one| !one.root.is_connected()).collect());
    for one in gone {
        one.owner.cleanup();
    }
    for root in browser::all(&document(), "[data-job]") {
        let known = BOUND.with_borrow(|bound| bound.iter().any(|one| one.root == root));
        let json = root.get_attribute("data-job").and_then(|text| Json::parse(&text));
        if !known && let Some(job) = json.and_then(|json| decode::job(&json)) {
            bind(root, job);
        }
    }
}

/// Has `root` follow a job from now on.
fn bind(root: Element, job: JobView) {
    let owner = Owner::new();
    let view = owner.with(|| {
        let view = live::job(job);
        let now = live::now();
        let parts: Vec<Binding> = browser::all(&root, "[data-live]").filter_map(Binding::find).collect();
        live::keep(move || {
            let (job, now) = (view.read(), now.get());
            for part in &parts {
                part.write(&job, now);
            }
        });
        if root.has_attribute("data-page") {
            job_page::follow(view);
        }
        view
    });
    BOUND.with_borrow_mut(|bound| bound.push(Bound { root, view, owner }));
}

/// The jobs bound inside `list`, each with whether it is over.
fn inside(list: &Element) -> Vec<(JobId, bool, Element)> {
    BOUND.with_borrow(|bound| {
        let of = |one: &Bound| {
            let job = one.view.read_untracked();
            (job.job, job.state.is_terminal(), one.root.clone())
        };
        bound.iter().filter(|one| list.contains(Some(&one.root))).map(of).collect()
    })
}
