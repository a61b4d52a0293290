//! Queues: the kinds in each, their waiting jobs, and the controls (pause, limit) set by users.

use std::collections::BTreeMap;

use model::{ControlTarget, Counts, FieldError, QueueControl};

use crate::{
    Engine, Error, Result, TaskInfo,
    store::{Attribution, ControlChange},
};

/// Status of a queue.
#[derive(Clone, Debug)]
pub struct QueueStatus {
    /// Its name and controls.
    pub control: QueueControl,
    /// Its kinds, by display name.
    pub kinds: Vec<KindStatus>,
}

/// Status of a kind.
#[derive(Clone, Debug)]
pub struct KindStatus {
    /// The task of the kind.
    pub task: TaskInfo,
    /// Pause and limit set by users.
    pub control: QueueControl,
    /// Its unfinished jobs; the other counts are 0.
    pub jobs: Counts,
}

/// Reason why waiting jobs do not start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hold {
    /// A user has paused the queue or the kind.
    Paused(QueueControl),
    /// The concurrency limit is reached.
    Full(QueueControl),
    /// No process runs jobs.
    NoWorkers,
    /// No process runs jobs of this kind.
    NotOffered,
}

impl KindStatus {
    /// The lower of the task's limit and the users' limit.
    pub fn limit(&self) -> Option<u32> {
        self.control.at_once.into_iter().chain(self.task.limit).min()
    }

    /// Whether the concurrency limit is reached.
    pub fn is_full(&self) -> bool {
        self.limit().is_some_and(|limit| self.jobs.running >= u64::from(limit))
    }
}

impl QueueStatus {
    /// Whether the concurrency limit is reached.
    pub fn is_full(&self) -> bool {
        self.control.at_once.is_some_and(|limit| self.jobs().running >= u64::from(limit))
    }

    /// The unfinished jobs of all its kinds; the other counts are 0.
    pub fn jobs(&self) -> Counts {
        self.kinds.iter().fold(Counts::default(), |sum, kind| Counts {
            scheduled: sum.scheduled + kind.jobs.scheduled,
            queued: sum.queued + kind.jobs.queued,
            running: sum.running + kind.jobs.running,
            paused: sum.paused + kind.jobs.paused,
            ..sum
        })
    }
}

impl Engine {
    /// All queues that have a kind, by name.
    ///
    /// # Errors
    /// `Error::Database`.
    pub async fn queues(&self) -> Result<Vec<QueueStatus>> {
        let (controls, mut under_way) = tokio::try_join!(self.store().controls(), self.store().active_counts())?;
        let control = |of, name: &str| {
            let decided = controls.iter().find(|control| control.of == of && control.name == name);
            decided.cloned().unwrap_or_else(|| QueueControl::open(of, name))
        };
        let mut queues = BTreeMap::<&str, Vec<KindStatus>>::new();
        for task in self.catalogue() {
            let kind = task.kind.as_str();
            let jobs = under_way.remove(kind).unwrap_or_default();
            let status = KindStatus { task: task.clone(), control: control(ControlTarget::Kind, kind), jobs };
            queues.entry(task.queue.as_str()).or_default().push(status);
        }
        Ok(queues
            .into_iter()
            .map(|(name, kinds)| QueueStatus { control: control(ControlTarget::Queue, name), kinds })
            .collect())
    }

    /// Why jobs of a kind do not start now; `None` if they only wait for a slot.
    ///
    /// # Errors
    /// `Error::Database`.
    pub async fn hold(&self, kind: &str) -> Result<Option<Hold>> {
        let queues = self.queues().await?;
        let of_kind = |queue: &QueueStatus| queue.kinds.iter().position(|status| status.task.kind.as_str() == kind);
        let Some((queue, place)) = queues.iter().find_map(|queue| Some((queue, of_kind(queue)?))) else {
            return Ok((!self.shared.other_nodes.runs(kind)).then_some(Hold::NotOffered));
        };
        let status = &queue.kinds[place];
        let paused = [&queue.control, &status.control].into_iter().find(|control| control.paused_at.is_some());
        Ok(if let Some(control) = paused {
            Some(Hold::Paused(control.clone()))
        } else if queue.is_full() {
            Some(Hold::Full(queue.control.clone()))
        } else if status.is_full() {
            Some(Hold::Full(QueueControl { at_once: status.limit(), ..status.control.clone() }))
        } else if self.concurrency() == 0 {
            Some(Hold::NoWorkers)
        } else if self.shared.node.concurrency == 0 && !self.shared.other_nodes.runs(kind) {
            Some(Hold::NotOffered)
        } else {
            None
        })
    }

    /// Pauses, resumes or limits a queue or a kind, for all processes. Running jobs continue. A change to the current
    /// value has no effect.
    ///
    /// # Errors
    /// `Error::UnknownQueue`, `Error::UnknownKind`, `Error::Database`; `Error::InvalidInput` in `at_once` for a limit
    /// of 0, or one above the limit of the kind's task.
    pub async fn change_control(
        &self,
        of: ControlTarget,
        name: &str,
        change: ControlChange,
        by: impl Into<Attribution> + Send,
    ) -> Result<()> {
        match of {
            ControlTarget::Kind => drop(self.shared.registry.get(name)?),
            ControlTarget::Queue if self.catalogue().iter().all(|task| task.queue.as_str() != name) => {
                let mut known: Vec<&str> = self.catalogue().iter().map(|task| task.queue.as_str()).collect();
                known.sort_unstable();
                known.dedup();
                return Err(Error::UnknownQueue { queue: name.chars().take(80).collect(), known: known.join(", ") });
            }
            ControlTarget::Queue => {}
        }
        if let ControlChange::Limit(Some(at_once)) = change {
            let most =
                self.task(name).filter(|_| of == ControlTarget::Kind).and_then(|task| task.limit).unwrap_or(u32::MAX);
            let message = match at_once {
                0 => "A limit is at least 1; pause it instead.".to_owned(),
                _ if at_once > most => format!("Its task lets at most {most} of its jobs run at once."),
                _ => String::new(),
            };
            if !message.is_empty() {
                return Err(Error::InvalidInput(vec![FieldError { field: "at_once".to_owned(), message }]));
            }
        }
        let by = by.into();
        self.store().change_control(of, name, change, &by).await?;
        tracing::info!(of = of.as_str(), name, ?change, by = &*by.name, "queue control changed");
        Ok(())
    }
}
