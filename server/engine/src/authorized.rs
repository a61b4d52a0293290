//! The engine as one user may use it: every method authorises its action and applies the user's visibility.

mod administration;
mod messages;
mod reports;
mod schedules;
mod settings;

pub use administration::{Installation, Process};

use std::{net::IpAddr, sync::Arc};

use model::{
    AttemptNo, ControlTarget, Counts, Cursor, FolderListing, JobId, JobView, LogLine, Micros, PathKind, QueueControl,
};
use serde_json::Value;

use crate::{
    Curve, Engine, Error, Hold, OrphanFiles, QueueStatus, Result, StartOptions, TaskInfo, Trouble, Uploads,
    access::{Action, Actor, Denied, Rule, Rules, Subject, Visibility, authorise},
    engine::check_runs_here,
    store::{
        Activity, Artifact, AttemptRow, Attribution, CancelOutcome, ControlChange, HourBucket, JobDetail, JobText,
        KindStats, ListQuery, LogPage, LogQuery, Page, PauseOutcome, Usage, rules::job_commands::check_dismiss,
    },
    task::{acceptance::checked, validate::Sender},
};

/// Jobs that one transaction dismisses.
const DISMISSED_AT_ONCE: u32 = 500;

/// The engine for one actor. Cheap to clone.
#[derive(Clone)]
pub struct AuthorizedEngine {
    engine: Engine,
    actor: Actor,
    by: Attribution,
    rules: Arc<Rules>,
    visibility: Visibility,
}

/// A job that the actor can see. Reads its attempts, log, artifacts and notes.
pub struct AuthorizedJob {
    engine: Engine,
    /// Its state and progress.
    pub view: JobView,
}

impl AuthorizedEngine {
    /// Engine for `actor` at `address`.
    pub fn new(engine: Engine, actor: Actor, rules: Arc<Rules>, address: Option<IpAddr>) -> Self {
        let (by, visibility) = (actor.attribution(address), rules.visibility(&actor));
        Self { engine, actor, by, rules, visibility }
    }

    /// The actor.
    pub const fn actor(&self) -> &Actor {
        &self.actor
    }

    /// The attribution of what is done here.
    pub const fn attribution(&self) -> &Attribution {
        &self.by
    }

    /// The jobs that the actor can see.
    pub const fn visibility(&self) -> &Visibility {
        &self.visibility
    }

    /// The rule of a kind.
    pub fn rule(&self, kind: &str) -> Rule {
        self.rules.of(kind)
    }

    /// Authorises `action` without a subject.
    ///
    /// # Errors
    /// `Error::Denied`.
    pub fn authorise(&self, action: Action) -> Result<()> {
        Ok(authorise(&self.actor, action, Subject::Any)?)
    }

    /// Whether `action` is allowed.
    pub fn can(&self, action: Action) -> bool {
        self.authorise(action).is_ok()
    }

    /// Authorises starting jobs of a kind.
    ///
    /// # Errors
    /// `Error::Denied`.
    pub fn authorise_start(&self, kind: &str) -> Result<()> {
        Ok(authorise(&self.actor, Action::Start, Subject::Kind(self.rules.of(kind)))?)
    }

    /// Whether jobs of a kind may be started.
    pub fn can_start(&self, kind: &str) -> bool {
        self.authorise_start(kind).is_ok()
    }

    /// Whether `action` may be done to a job.
    pub fn can_on(&self, action: Action, job: &JobView) -> bool {
        self.check(action, job).is_ok()
    }

    fn check(&self, action: Action, job: &JobView) -> Result<()> {
        authorise(&self.actor, action, self.rules.job(job)).map_err(|denied| match denied {
            Denied::Hidden => Error::NoSuchJob(job.job),
            denied => denied.into(),
        })
    }

    /// A visible job, for `action`.
    ///
    /// # Errors
    /// `Error::Denied`; `Error::NoSuchJob` also for one that is hidden.
    pub async fn open(&self, job: JobId, action: Action) -> Result<AuthorizedJob> {
        self.authorise(action)?;
        let view = self.engine.job(job).await?;
        self.check(action, &view)?;
        Ok(AuthorizedJob { engine: self.engine.clone(), view })
    }

    /// Opens a job to see it, with its input and result.
    pub async fn detail(&self, job: JobId) -> Result<(AuthorizedJob, JobDetail)> {
        self.authorise(Action::See)?;
        let detail = self.engine.detail(job).await?;
        self.check(Action::See, &detail.view)?;
        Ok((AuthorizedJob { engine: self.engine.clone(), view: detail.view.clone() }, detail))
    }

    /// Checks the input of a form: as [`AuthorizedEngine::start`] does, and that each path leads to what its field
    /// takes.
    ///
    /// # Errors
    /// Those of [`Engine::start`]; `Error::Denied`.
    pub async fn check_form(&self, kind: &str, input: Value) -> Result<()> {
        self.authorise(Action::Start)?;
        checked(&self.engine.shared, kind, input, Sender::Form, StartOptions::default()).await.map(drop)
    }

    /// Starts a job in the actor's own name.
    ///
    /// # Errors
    /// Those of [`Engine::start`], `Error::Denied`; `Error::NoSuchJob` for a job to repeat that is hidden.
    pub async fn start(&self, kind: &str, input: Value, options: StartOptions) -> Result<JobId> {
        self.authorise_start(kind)?;
        // The failed job is marked as repeated, and needs no attention any more.
        if let Some(original) = options.rerun_of {
            self.open(original, Action::Start).await?;
        }
        let job = self.engine.start(kind, input, StartOptions { by: self.by.clone(), ..options }).await?;
        if self.visibility.hides(kind) && !self.visibility.can_see(&self.engine.job(job).await?) {
            return Err(Error::Refused {
                code: "already_under_way",
                message: "a job of another user does the same; try again when it has ended".to_owned(),
            });
        }
        Ok(job)
    }

    /// Repeats a job as a new one, in the actor's own name.
    pub async fn rerun(&self, job: JobId) -> Result<JobId> {
        self.authorise(Action::Start)?;
        let old = self.engine.detail(job).await?;
        self.check(Action::Start, &old.view)?;
        check_runs_here(&old.view)?;
        let options = StartOptions { rerun_of: Some(job), ..StartOptions::default() };
        self.start(&old.view.kind, old.input, options).await
    }

    /// See [`Engine::cancel`].
    pub async fn cancel(&self, job: JobId) -> Result<CancelOutcome> {
        self.open(job, Action::Control).await?;
        self.engine.cancel(job, self.by.clone()).await
    }

    /// See [`Engine::retry`].
    pub async fn retry(&self, job: JobId) -> Result<AttemptNo> {
        let kind = self.open(job, Action::Control).await?.view.kind;
        self.engine.retry(job, self.by.clone()).await.map_err(|error| match error {
            // Its message names the other job, which may be hidden.
            Error::Conflict { code: code @ "already_under_way", state, .. } if self.visibility.hides(&kind) => {
                Error::Conflict { code, state, message: "another job does the same already".to_owned() }
            }
            error => error,
        })
    }

    /// See [`Engine::pause`].
    pub async fn pause(&self, job: JobId) -> Result<PauseOutcome> {
        self.open(job, Action::Control).await?;
        self.engine.pause(job, self.by.clone()).await
    }

    /// See [`Engine::resume`].
    pub async fn resume(&self, job: JobId) -> Result<()> {
        self.open(job, Action::Control).await?;
        self.engine.resume(job, self.by.clone()).await
    }

    /// See [`Engine::start_now`].
    pub async fn start_now(&self, job: JobId) -> Result<()> {
        self.open(job, Action::Control).await?;
        self.engine.start_now(job, self.by.clone()).await
    }

    /// See [`Engine::delete`].
    pub async fn delete(&self, job: JobId) -> Result<()> {
        self.open(job, Action::Delete).await?;
        self.engine.delete(job, self.by.clone()).await
    }

    /// See [`Engine::change_control`].
    pub async fn change_control(&self, of: ControlTarget, name: &str, change: ControlChange) -> Result<()> {
        self.authorise(Action::ManageQueues)?;
        self.engine.change_control(of, name, change, self.by.clone()).await
    }

    /// What is in the folder `path`, for the path picker of a form. Blocks the thread.
    pub fn folders(&self, path: Option<&str>, takes: PathKind) -> Result<FolderListing> {
        self.authorise(Action::Start)?;
        self.engine.roots().list(path, takes)
    }

    /// Uploads, to receive files.
    pub fn uploads(&self) -> Result<&Uploads> {
        self.authorise(Action::Upload)?;
        Ok(self.engine.uploads())
    }

    /// A page of the visible jobs, with their newest progress.
    pub async fn page(&self, query: ListQuery) -> Result<Page> {
        self.authorise(Action::See)?;
        let mut page = self.engine.store().page(&ListQuery { visibility: self.visibility.clone(), ..query }).await?;
        self.engine.freshen(&mut page.jobs);
        Ok(page)
    }

    /// Marks a failed or interrupted job as dismissed. With `alike`, also the other jobs of its kind that went wrong in
    /// the same way and ended by that time.
    ///
    /// # Errors
    /// `Error::Conflict` if it did not go wrong; `Error::Denied`, `Error::NoSuchJob`.
    pub async fn dismiss(&self, job: JobId, alike: Option<Micros>) -> Result<()> {
        let found = self.open(job, Action::Control).await?.view;
        check_dismiss(&found)?;
        self.engine.store().dismiss(vec![job], &self.by).await?;
        match alike {
            Some(until) => self.dismiss_where(until, |other| other.failed_like(&found)).await,
            None => Ok(()),
        }
    }

    /// Marks all visible jobs that went wrong and ended by a time as dismissed, as far as the actor may control them.
    ///
    /// # Errors
    /// `Error::Denied`.
    pub async fn dismiss_all(&self, until: Micros) -> Result<()> {
        self.authorise(Action::Control)?;
        self.dismiss_where(until, |_| true).await
    }

    async fn dismiss_where(&self, until: Micros, includes: impl Fn(&JobView) -> bool) -> Result<()> {
        loop {
            let mut jobs = self.engine.store().attention(DISMISSED_AT_ONCE, &self.visibility).await?;
            let are_all = jobs.len() < DISMISSED_AT_ONCE as usize;
            jobs.retain(|job| {
                job.ended_at.is_some_and(|at| at <= until) && includes(job) && self.can_on(Action::Control, job)
            });
            let jobs = jobs.into_iter().map(|job| job.job).collect();
            if self.engine.store().dismiss(jobs, &self.by).await? == 0 || are_all {
                return Ok(());
            }
        }
    }

    /// Visible jobs that failed or were interrupted and have not been retried, repeated or dismissed.
    pub async fn attention(&self, limit: u32) -> Result<Vec<JobView>> {
        self.authorise(Action::See)?;
        self.engine.store().attention(limit, &self.visibility).await
    }

    /// Statistics of the kinds whose jobs are all visible.
    pub async fn kind_stats(&self) -> Result<Vec<KindStats>> {
        self.authorise(Action::See)?;
        self.engine.store().kind_stats(&self.visibility).await
    }

    /// Number of jobs in each state; all jobs count, visible or not.
    pub async fn counts(&self) -> Result<Counts> {
        self.authorise(Action::See)?;
        self.engine.store().counts().await
    }

    /// Number of visible jobs that match a query, in each state; see [`crate::store::Store::matching_counts`].
    pub async fn matching_counts(&self, query: ListQuery) -> Result<Counts> {
        self.authorise(Action::See)?;
        let query = ListQuery { visibility: self.visibility.clone(), ..query };
        self.engine.store().matching_counts(&query).await
    }

    /// Number of jobs that ended in each hour; all jobs count.
    pub async fn finished_per_hour(&self, hours: u32) -> Result<Vec<HourBucket>> {
        self.authorise(Action::See)?;
        self.engine.store().finished_per_hour(hours).await
    }

    /// Bytes used.
    pub async fn usage(&self) -> Result<Usage> {
        self.authorise(Action::See)?;
        self.engine.store().usage().await
    }

    /// Whether the disk is too full for new jobs.
    pub fn is_disk_full(&self) -> bool {
        self.engine.is_disk_full()
    }

    /// Orphan files, as the latest sweep found them.
    pub fn orphan_files(&self) -> Result<OrphanFiles> {
        self.authorise(Action::See)?;
        Ok(self.engine.orphan_files())
    }

    /// Why writes fail, if they do.
    ///
    /// # Errors
    /// `Error::Denied`.
    pub fn trouble(&self) -> Result<Option<Trouble>> {
        self.authorise(Action::See)?;
        Ok(self.engine.health().trouble())
    }

    /// Controls (pause, limit) of queues and kinds.
    pub async fn controls(&self) -> Result<Vec<QueueControl>> {
        self.authorise(Action::See)?;
        self.engine.store().controls().await
    }

    /// The queues; counts include hidden jobs.
    pub async fn queues(&self) -> Result<Vec<QueueStatus>> {
        self.authorise(Action::See)?;
        self.engine.queues().await
    }

    /// The newest durable event.
    pub async fn position(&self) -> Result<Cursor> {
        self.engine.store().position().await
    }

    /// All tasks, by name.
    pub fn catalogue(&self) -> &[TaskInfo] {
        self.engine.catalogue()
    }

    /// Tasks whose jobs the actor may start.
    pub fn startable(&self) -> impl Iterator<Item = &TaskInfo> {
        self.catalogue().iter().filter(|task| self.can_start(task.kind.as_str()))
    }

    /// The task of a kind.
    pub fn task(&self, kind: &str) -> Option<&TaskInfo> {
        self.engine.task(kind)
    }

    /// Concurrent jobs of all processes together.
    pub fn concurrency(&self) -> u32 {
        self.engine.concurrency()
    }

    /// How long a task may take to stop.
    pub fn cancel_grace(&self) -> std::time::Duration {
        self.engine.cancel_grace()
    }

    /// The engine's wall clock.
    pub fn now(&self) -> Micros {
        self.engine.now()
    }
}

impl AuthorizedJob {
    /// Its attempts, newest first.
    pub async fn attempts(&self) -> Result<Vec<AttemptRow>> {
        self.engine.store().attempts(self.view.job).await
    }

    /// Its history, newest first.
    pub async fn activity(&self, limit: u32) -> Result<Vec<Activity>> {
        self.engine.store().activity(self.view.job, limit).await
    }

    /// The progress curve of its latest attempt; see [`Engine::curve`].
    pub async fn curve(&self) -> Result<Option<Curve>> {
        self.engine.curve(self.view.job, self.view.attempt).await
    }

    /// The median seconds of each stage in recent successful runs of its kind; empty without any.
    pub async fn usual_stage_seconds(&self) -> Result<Vec<f64>> {
        let runs = self.engine.store().recent_runs(&self.view.kind).await?;
        let stages = runs.iter().map(|run| run.stage_seconds.len()).max().unwrap_or(0);
        let median = |stage: usize| {
            let mut seconds: Vec<f64> = runs.iter().filter_map(|run| run.stage_seconds.get(stage).copied()).collect();
            seconds.sort_unstable_by(f64::total_cmp);
            seconds.get(seconds.len() / 2).copied()
        };
        Ok((0..stages).filter_map(median).collect())
    }

    /// Its artifacts.
    pub async fn artifacts(&self) -> Result<Vec<Artifact>> {
        self.engine.store().artifacts(self.view.job).await
    }

    /// An artifact and the path of its file.
    pub async fn artifact(&self, name: &str) -> Result<(Artifact, std::path::PathBuf)> {
        self.engine.artifact(self.view.job, name).await
    }

    /// Part of one of its texts, from a byte on; see [`crate::store::Store::job_text`].
    pub async fn text(&self, which: JobText, from: u64) -> Result<Vec<u8>> {
        self.engine.store().job_text(self.view.job, which, from).await
    }

    /// Part of its log, from a line on; see [`crate::store::Store::log_from`].
    pub async fn log_from(&self, from: u64) -> Result<Vec<(u64, LogLine)>> {
        self.engine.store().log_from(self.view.job, from).await
    }

    /// A page of its log.
    pub async fn log(&self, query: &LogQuery) -> Result<LogPage> {
        self.engine.store().log(self.view.job, query).await
    }

    /// Estimated seconds until it starts; see [`Engine::starts_in`].
    pub async fn starts_in(&self) -> Result<Option<f64>> {
        self.engine.starts_in(&self.view).await
    }

    /// Why jobs of its kind do not start.
    pub async fn hold(&self) -> Result<Option<Hold>> {
        self.engine.hold(&self.view.kind).await
    }
}
