//! A few places for jobs that run.

use leptos::prelude::*;
use model::{JobId, JobState, JobView};

use crate::live;

/// Rows of jobs that never move: a job keeps its place after its end, until a newly started one needs it.
#[derive(Clone, Copy)]
pub(super) struct Places {
    /// The jobs as they were when they took their place.
    jobs: RwSignal<Vec<JobView>>,
}

impl Places {
    /// Begins with `jobs`; jobs that start later take free places, up to `most`. The first `kept` are never given up.
    pub(super) fn new(jobs: Vec<JobView>, kept: usize, most: usize) -> Self {
        let over = jobs.iter().filter(|job| job.state.is_terminal()).map(|job| job.job);
        let over = StoredValue::new(over.collect::<Vec<JobId>>());
        let jobs = RwSignal::new(jobs);
        live::on_state(move |event| {
            let job = &event.view;
            over.update_value(|over| over.retain(|other| *other != job.job));
            if jobs.read_untracked().iter().any(|placed| placed.job == job.job) {
                if job.state.is_terminal() {
                    over.update_value(|over| over.push(job.job));
                }
            } else if job.state == JobState::Running {
                let free = over.with_value(|over| {
                    jobs.read_untracked().iter().skip(kept).position(|placed| over.contains(&placed.job))
                });
                if jobs.read_untracked().len() < most {
                    jobs.write().push(job.clone());
                } else if let Some(free) = free {
                    jobs.write()[kept + free] = job.clone();
                }
            }
        });
        Self { jobs }
    }

    /// The jobs with a place, for `<For>`.
    pub(super) fn jobs(self) -> Vec<JobView> {
        self.jobs.get()
    }

    /// Whether no job has one.
    pub(super) fn is_empty(self) -> bool {
        self.jobs.read().is_empty()
    }
}
