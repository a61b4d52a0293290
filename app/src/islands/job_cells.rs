//! The cells of a job in a table of the server: they update until the job ends.

use leptos::prelude::*;
use model::{JobView, Micros};

use crate::{
    components::{ProgressCell, TimeCell},
    live,
};

#[island]
pub fn JobProgressCell(job: JobView, now: Micros) -> impl IntoView {
    view! { <ProgressCell job=live::job(job, now) /> }
}

#[island]
pub fn JobTimeCell(job: JobView, now: Micros) -> impl IntoView {
    view! { <TimeCell job=live::job(job, now) /> }
}
