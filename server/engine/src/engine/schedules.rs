//! Schedules: adds, changes, pauses and deletes them. The scheduler starts their runs.

use model::{FieldError, JobId, Priority};
use serde_json::Value;

pub use crate::scheduling::plan::{field, parse_cron};
use crate::{
    Engine, Error, Result, StartOptions, collect_faults,
    scheduling::scheduler::check_plan,
    store::{
        Attribution, MAX_CATCH_UP_RUNS, Missed, NewJob, Overlap, Plan, RunOf, SMALL_INPUT, SavePlan, Schedule,
        ScheduleId,
    },
    task::{
        acceptance::{checked, printable_title},
        validate::Sender,
    },
};

/// The longest name of a schedule, characters.
pub const SCHEDULE_NAME_LENGTH: usize = 80;

/// A new plan of a schedule, unchecked.
#[derive(Clone, Debug)]
pub struct NewSchedule {
    /// Its name for users, 1 to 80 characters.
    pub name: String,
    /// The kind of its jobs.
    pub kind: String,
    /// Their input, a JSON object.
    pub input: Value,
    /// Priority of its jobs.
    pub priority: Priority,
    /// A cron expression …
    pub expression: String,
    /// … and its time zone, an IANA name.
    pub zone: String,
    /// Policy for runs that overlap.
    pub overlap: Overlap,
    /// Policy for missed runs.
    pub missed: Missed,
}

impl Engine {
    /// Checks a plan and its input as a form, and stores it. Its jobs start in the name of its creator.
    ///
    /// # Errors
    /// `Error::InvalidInput` with every fault at once, those of the plan's own fields under the names of [`field`];
    /// `Error::UnknownKind`, `Error::ShuttingDown`.
    pub async fn add_schedule(&self, wish: NewSchedule, by: Attribution) -> Result<ScheduleId> {
        let save = self.planned(wish, by).await?;
        let added = self.shared.store.add_schedule(save).await?;
        self.shared.scheduler_waker.wake();
        Ok(added)
    }

    /// Adds a schedule, unless its kind has one: then returns the oldest. For a button that may be pressed twice.
    ///
    /// # Errors
    /// Those of [`Engine::add_schedule`].
    pub async fn add_only_schedule(&self, wish: NewSchedule, by: Attribution) -> Result<ScheduleId> {
        let save = self.planned(wish, by).await?;
        let only = self.shared.store.add_only_schedule(save).await?;
        self.shared.scheduler_waker.wake();
        Ok(only)
    }

    /// Replaces the plan of a schedule. The kind and the owner stay.
    ///
    /// # Errors
    /// Those of [`Engine::add_schedule`]; `Error::NoSuchSchedule`; `Error::Refused` if another user has changed it.
    pub async fn change_schedule(&self, schedule: &Schedule, wish: NewSchedule, by: Attribution) -> Result<()> {
        let wish = NewSchedule { kind: schedule.plan.kind.clone(), ..wish };
        let save = self.planned(wish, by).await?;
        self.shared.store.change_schedule(schedule.id, schedule.revision, save).await?;
        self.shared.scheduler_waker.wake();
        Ok(())
    }

    /// Pauses a schedule: it starts nothing until it is resumed. Its running jobs continue; runs that still wait are
    /// skipped.
    ///
    /// # Errors
    /// `Error::NoSuchSchedule`.
    pub async fn pause_schedule(&self, schedule: ScheduleId, by: &Attribution) -> Result<()> {
        self.shared.store.pause_schedule(schedule, by).await
    }

    /// Resumes a schedule from its next run: runs that were due during the pause are not made up for.
    ///
    /// # Errors
    /// `Error::NoSuchSchedule`; `Error::Refused` if its jobs cannot start or another user has changed it;
    /// `Error::InvalidInput` if its time zone no longer exists.
    pub async fn resume_schedule(&self, schedule: &Schedule, by: &Attribution) -> Result<()> {
        let cron = parse_cron(&schedule.plan.expression, &schedule.plan.zone)?;
        check_plan(&self.shared, schedule).await?;
        let next_at = cron.next_after(self.now());
        self.shared.store.resume_schedule(schedule.id, schedule.revision, next_at, by).await?;
        self.shared.scheduler_waker.wake();
        Ok(())
    }

    /// Deletes a schedule with its history; with a revision, only if it is unchanged since. Its jobs stay.
    ///
    /// # Errors
    /// `Error::NoSuchSchedule`; `Error::Refused` if another user has changed it.
    pub async fn delete_schedule(&self, schedule: ScheduleId, revision: Option<i64>, by: &Attribution) -> Result<()> {
        self.shared.store.delete_schedule(schedule, revision, by).await
    }

    /// Starts a run now in the caller's name, even while the schedule is paused. The next planned run is unaffected.
    ///
    /// # Errors
    /// Those of [`Engine::start`].
    pub async fn run_schedule(&self, schedule: &Schedule, by: Attribution) -> Result<JobId> {
        if self.shared.stopping.is_raised() {
            return Err(Error::ShuttingDown);
        }
        let plan = &schedule.plan;
        let options = StartOptions { by, priority: plan.priority, ..StartOptions::default() };
        let mut job = checked(&self.shared, &plan.kind, schedule.input()?, Sender::Program, options).await?;
        job.run_of = Some(RunOf { schedule: schedule.id, name: plan.name.clone(), due: None });
        self.shared.store.enqueue(job).await
    }

    pub(crate) async fn planned(&self, wish: NewSchedule, by: Attribution) -> Result<SavePlan> {
        if self.shared.stopping.is_raised() {
            return Err(Error::ShuttingDown);
        }
        let NewSchedule { name, kind, input, priority, expression, zone, overlap, missed } = wish;
        let mut faults = Vec::new();
        let mut fault = |field: &str, message| faults.push(FieldError { field: field.to_owned(), message });
        let name = printable_title(&name).unwrap_or_default();
        if !(1..=SCHEDULE_NAME_LENGTH).contains(&name.chars().count()) {
            fault(field::NAME, format!("A schedule needs a name of 1 to {SCHEDULE_NAME_LENGTH} characters."));
        }
        if !matches!(missed, Missed::Skip | Missed::Once | Missed::All(1..=MAX_CATCH_UP_RUNS)) {
            fault(field::MOST, format!("Missed runs are made up for by 1 to {MAX_CATCH_UP_RUNS} runs."));
        }
        let cron = collect_faults(parse_cron(&expression, &zone), &mut faults)?;
        let options = StartOptions { by: by.clone(), priority, ..StartOptions::default() };
        let job = collect_faults(checked(&self.shared, &kind, input, Sender::Form, options).await, &mut faults)?;
        let (Some(cron), Some(job), true) = (cron, job, faults.is_empty()) else {
            return Err(Error::InvalidInput(faults));
        };
        self.check_quota(&job).await?;
        let plan = Plan {
            name,
            kind,
            input: job.input,
            priority,
            expression: cron.expression().to_owned(),
            zone: cron.zone().to_owned(),
            overlap,
            missed,
        };
        Ok(SavePlan { plan, uploads: job.uploads, next_at: cron.next_after(self.now()), by })
    }
}

impl Engine {
    /// Rejects an input that exceeds the quota of the user: it is stored for as long as the schedule.
    async fn check_quota(&self, job: &NewJob) -> Result<()> {
        let Some(limit) = job.quota.filter(|_| job.input.len() > SMALL_INPUT) else { return Ok(()) };
        let used = self.shared.store.bytes_sent_by(&job.by.name).await?;
        let all = used.saturating_add(job.input.len() as u64);
        if all > limit { Err(Error::Quota { used, limit }) } else { Ok(()) }
    }
}

impl Schedule {
    /// The input of its jobs.
    ///
    /// # Errors
    /// `Error::InvalidInput` if it is not JSON: the database was edited by hand.
    pub fn input(&self) -> Result<Value> {
        serde_json::from_str(&self.plan.input).map_err(|error| {
            Error::InvalidInput(vec![FieldError {
                field: String::new(),
                message: format!("The input of the schedule is damaged: {error}."),
            }])
        })
    }
}
