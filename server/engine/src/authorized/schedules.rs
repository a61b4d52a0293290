//! Schedules of one user. A schedule is visible like the jobs of its owner.

use model::JobId;

use super::AuthorizedEngine;
use crate::{
    Error, Result,
    access::{Action, Denied, Subject, authorise},
    engine::schedules::NewSchedule,
    store::{JobRuns, Run, RunOf, Schedule, ScheduleAt, ScheduleId, SchedulePage, ScheduleQuery},
};

impl AuthorizedEngine {
    /// A page of the visible schedules, by name.
    pub async fn schedules(&self, at: Option<ScheduleAt>, limit: u32) -> Result<SchedulePage> {
        self.authorise(Action::See)?;
        self.engine.store().schedules(&ScheduleQuery { visibility: self.visibility.clone(), at, limit }).await
    }

    /// The visible schedules that are due next, earliest first.
    pub async fn next_schedules(&self, limit: u32) -> Result<Vec<Schedule>> {
        self.authorise(Action::See)?;
        self.engine.store().next_schedules(limit, &self.visibility).await
    }

    /// The visible schedules that the engine has paused, latest first.
    pub async fn suspended_schedules(&self, limit: u32) -> Result<Vec<Schedule>> {
        self.authorise(Action::See)?;
        self.engine.store().suspended_schedules(limit, &self.visibility).await
    }

    /// A visible schedule, for `action`.
    ///
    /// # Errors
    /// `Error::Denied`; `Error::NoSuchSchedule` also for a hidden schedule.
    pub async fn schedule(&self, id: ScheduleId, action: Action) -> Result<Schedule> {
        self.authorise(action)?;
        let schedule = self.engine.store().schedule(id).await?;
        self.check_schedule(action, &schedule)?;
        Ok(schedule)
    }

    /// Whether `action` may be done to a schedule.
    pub fn can_on_schedule(&self, action: Action, schedule: &Schedule) -> bool {
        self.check_schedule(action, schedule).is_ok()
    }

    fn check_schedule(&self, action: Action, schedule: &Schedule) -> Result<()> {
        let rule = self.rules.of(&schedule.plan.kind);
        let subject = Subject::Schedule { rule, owner: &schedule.owner };
        authorise(&self.actor, action, subject).map_err(|denied| match denied {
            Denied::Hidden => Error::NoSuchSchedule(schedule.id),
            denied => denied.into(),
        })
    }

    /// Checks a schedule as [`AuthorizedEngine::add_schedule`] does, without adding it.
    ///
    /// # Errors
    /// Those of [`crate::Engine::add_schedule`]; `Error::Denied`.
    pub async fn check_new_schedule(&self, wish: NewSchedule) -> Result<()> {
        self.authorise(Action::Schedule)?;
        self.engine.planned(wish, self.by.clone()).await.map(drop)
    }

    /// Adds a schedule in the actor's name; see [`crate::Engine::add_schedule`].
    pub async fn add_schedule(&self, wish: NewSchedule) -> Result<ScheduleId> {
        self.authorise(Action::Schedule)?;
        self.authorise_start(&wish.kind)?;
        self.engine.add_schedule(wish, self.by.clone()).await
    }

    /// Adds a schedule in the actor's name, unless its kind has one; see [`crate::Engine::add_only_schedule`].
    pub async fn add_only_schedule(&self, wish: NewSchedule) -> Result<ScheduleId> {
        self.authorise(Action::Schedule)?;
        self.authorise_start(&wish.kind)?;
        self.engine.add_only_schedule(wish, self.by.clone()).await
    }

    /// See [`crate::Engine::change_schedule`]; with a revision, only if it is unchanged since.
    pub async fn change_schedule(&self, id: ScheduleId, revision: Option<i64>, wish: NewSchedule) -> Result<()> {
        let mut schedule = self.schedule(id, Action::Schedule).await?;
        schedule.revision = revision.unwrap_or(schedule.revision);
        self.engine.change_schedule(&schedule, wish, self.by.clone()).await
    }

    /// See [`crate::Engine::pause_schedule`].
    pub async fn pause_schedule(&self, id: ScheduleId) -> Result<()> {
        self.schedule(id, Action::Schedule).await?;
        self.engine.pause_schedule(id, &self.by).await
    }

    /// See [`crate::Engine::resume_schedule`].
    pub async fn resume_schedule(&self, id: ScheduleId) -> Result<()> {
        let schedule = self.schedule(id, Action::Schedule).await?;
        self.engine.resume_schedule(&schedule, &self.by).await
    }

    /// See [`crate::Engine::delete_schedule`].
    pub async fn delete_schedule(&self, id: ScheduleId, revision: Option<i64>) -> Result<()> {
        self.schedule(id, Action::Schedule).await?;
        self.engine.delete_schedule(id, revision, &self.by).await
    }

    /// Starts a run now, in the actor's name; see [`crate::Engine::run_schedule`].
    pub async fn run_schedule(&self, id: ScheduleId) -> Result<JobId> {
        let schedule = self.schedule(id, Action::Start).await?;
        self.engine.run_schedule(&schedule, self.by.clone()).await
    }

    /// The runs of a schedule, newest first; hidden jobs are left out.
    pub async fn runs(&self, schedule: &Schedule, limit: u32) -> Result<Vec<Run>> {
        let mut runs = self.engine.store().runs(schedule.id, limit).await?;
        runs.retain(|run| match run {
            Run::Started { job, .. } => self.visibility.can_see(job),
            Run::Skipped { .. } => true,
        });
        Ok(runs)
    }

    /// The latest ended runs of each schedule, oldest first; hidden jobs are left out.
    pub async fn last_runs(&self, schedules: &[Schedule], limit: u32) -> Result<JobRuns> {
        let ids: Vec<_> = schedules.iter().map(|schedule| schedule.id).collect();
        self.engine.store().last_runs(&ids, limit, &self.visibility).await
    }

    /// The schedule that a job is a run of, if it is visible.
    pub async fn run_of(&self, job: JobId) -> Result<Option<RunOf>> {
        let run = self.engine.store().runs_among(&[job]).await?.remove(&job);
        let Some(run) = run else { return Ok(None) };
        Ok(self.schedule(run.schedule, Action::See).await.is_ok().then_some(run))
    }
}
