//! A few places for jobs that run.

use leptos::prelude::*;
use model::{JobId, JobState, JobView};

use crate::live;

/// Rows of jobs that never move: a job keeps its place after its end, until a newly started one needs it.
#[derive(Clone, Copy)]
pub(super) struct Places {
    rows: RwSignal<Vec<RwSignal<JobView>>>,
}

impl Places {
    /// Begins with `jobs`; jobs that start later take free places, up to `capacity`. The first `kept` are never given up.
    pub(super) fn new(jobs: Vec<JobView>, kept: usize, capacity: usize) -> Self {
        let rows = RwSignal::new(jobs.into_iter().map(|job| live::job(job, false)).collect::<Vec<_>>());
        live::on_state(move |event| {
            let known = rows.read_untracked().iter().any(|row| row.read_untracked().job == event.view.job);
            if event.state() != JobState::Running || known {
                return;
            }
            let ended =
                rows.read_untracked().iter().skip(kept).position(|row| row.read_untracked().state.is_terminal());
            match ended {
                Some(place) if rows.read_untracked().len() >= capacity => {
                    rows.write()[kept + place] = live::job(event.view.clone(), false);
                }
                _ if rows.read_untracked().len() < capacity => rows.write().push(live::job(event.view.clone(), false)),
                _ => {}
            }
        });
        Self { rows }
    }

    /// Whether no job has a place.
    pub(super) fn is_empty(self) -> bool {
        self.rows.read().is_empty()
    }

    /// The rows, for `<For>`, with the job as their key.
    pub(super) fn rows(self) -> Vec<(JobId, RwSignal<JobView>)> {
        self.rows.read().iter().map(|row| (row.read_untracked().job, *row)).collect()
    }
}
