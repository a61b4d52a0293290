//! The moving cells of a row whose job has not ended. They are islands of their own because HTML allows no element
//! of ours between a table and its cells.

use leptos::prelude::*;
use model::{JobView, Micros};

use crate::{
    live,
    ui::{Going, Timing},
};

/// How the job goes.
#[island]
pub fn LiveGoing(
    /// The job as the page shows it.
    job: JobView,
    /// The server's clock.
    now: Micros,
) -> impl IntoView {
    view! { <Going job=live::job(job, false) now=live::now(now) /> }
}

/// The job's time.
#[island]
pub fn LiveTiming(
    /// The job as the page shows it.
    job: JobView,
    /// The server's clock.
    now: Micros,
) -> impl IntoView {
    view! { <Timing job=live::job(job, false) now=live::now(now) /> }
}
