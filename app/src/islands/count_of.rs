use leptos::prelude::*;
use model::{Counts, JobState, count};

use crate::live;

/// How many jobs there are in some states, as it changes.
#[island]
pub fn CountOf(
    /// How many are in each state.
    counts: Counts,
    /// Which of them are counted; every state where it is empty.
    states: Vec<JobState>,
) -> impl IntoView {
    let counts = live::counts(counts);
    move || {
        let counts = counts.read();
        count(if states.is_empty() { counts.total() } else { states.iter().map(|state| counts.of(*state)).sum() })
    }
}
