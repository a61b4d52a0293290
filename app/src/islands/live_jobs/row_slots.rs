//! Row slots: a fixed number of rows for running jobs. Rows never move: a job keeps its row after its end, until a new
//! job needs it.

use model::{JobState, JobView};
use web_sys::Element;

use super::{bind, bind_all, inside};
use crate::{
    browser,
    components::{job_href, kind_icon},
    live,
};

/// Gives new jobs a slot in `list`, which has `data-places` slots; the first `data-kept` are never reused. Its
/// `<template>` holds an empty slot.
pub(super) fn fill(list: Element) {
    let number = |name| list.get_attribute(name).and_then(|text| text.parse().ok()).unwrap_or(0);
    let (most, kept): (usize, usize) = (number("data-places"), number("data-kept"));
    live::on_state(move |event| {
        let placed = inside(&list);
        if event.state() != JobState::Running || placed.iter().any(|(job, ..)| *job == event.view.job) {
            return;
        }
        let free = placed.iter().skip(kept).find(|(_, over, _)| *over);
        match (placed.len() < most, free) {
            (true, _) => place(&list, None, &event.view),
            (false, Some((.., row))) => place(&list, Some(row), &event.view),
            (false, None) => {}
        }
    });
}

/// Draws a job in place of `row`, or after the others.
fn place(list: &Element, row: Option<&Element>, job: &JobView) {
    let Some(fresh) = browser::clone_template(list) else { return };
    let links = fresh.matches("a").unwrap_or(false).then(|| fresh.clone());
    for link in links.into_iter().chain(browser::all(&fresh, "a")) {
        browser::set(&link, "href", Some(&job_href(job.job)));
    }
    browser::set_icon(&fresh, "[data-live=kind] .icon", kind_icon(&job.kind));
    let done = match row {
        Some(row) => row.replace_with_with_node_1(&fresh),
        None => match browser::all(list, "tbody").next() {
            Some(body) => body.append_with_node_1(&fresh),
            None => list.append_with_node_1(&fresh),
        },
    };
    if done.is_ok() {
        bind(fresh, job.clone());
        bind_all();
        browser::set(list, "hidden", None);
        browser::all(list, "[data-filled]").for_each(|element| browser::set(&element, "hidden", None));
        browser::all(list, "[data-empty]").for_each(|element| browser::set(&element, "hidden", Some("")));
    }
}
