//! Live jobs: keeps every job on a page current.

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

/// Updates every element with `data-job`: one effect each, which writes into the markup that the server drew.
#[island]
pub fn LiveJobs() -> impl IntoView {
    super::on_hydrate(|| {
        bind_all();
        browser::all(&document(), "[data-places]").for_each(row_slots::fill);
    });
}

/// An element bound to its job.
struct Bound {
    root: Element,
    view: RwSignal<JobView>,
    /// Owns the effect.
    owner: Owner,
}

thread_local! {
    static BOUND: RefCell<Vec<Bound>> = RefCell::default();
}

/// Binds the elements that were added to the page, and unbinds those that were removed.
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

/// Binds `root` to a job.
fn bind(root: Element, job: JobView) {
    let owner = Owner::new();
    let view = owner.with(|| {
        let view = live::job(job);
        let now = live::now();
        let parts: Vec<Binding> = browser::all(&root, "[data-live]").filter_map(Binding::find).collect();
        live::effect(move || {
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

/// Returns the jobs bound inside `list`, each with whether it has ended.
fn inside(list: &Element) -> Vec<(JobId, bool, Element)> {
    BOUND.with_borrow(|bound| {
        let of = |one: &Bound| {
            let job = one.view.read_untracked();
            (job.job, job.state.is_terminal(), one.root.clone())
        };
        bound.iter().filter(|one| list.contains(Some(&one.root))).map(of).collect()
    })
}
