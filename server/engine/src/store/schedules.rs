//! Schedules: recurring jobs, their policies and their runs. The store knows no calendar: the callers compute when a
//! run is due.

use std::collections::BTreeMap;

use async_trait::async_trait;
use model::{JobId, JobState, JobView, Micros, Priority};

use super::{Attribution, NewJob};
pub use crate::types::ids::ScheduleId;
use crate::{Result, types::visibility::Visibility};

/// The most missed runs that are caught up.
pub const MAX_CATCH_UP_RUNS: u32 = 100;
/// How many skipped runs are kept of each schedule; the oldest are deleted.
pub const MAX_SKIPS_KEPT: i64 = 200;

/// The most schedules of one user.
pub const MAX_SCHEDULES_PER_USER: u64 = 1_000;
/// The most schedules of all users together.
pub const MAX_SCHEDULES: u64 = 10_000;

/// Overlap policy: what happens to a run that is due while the previous one is active.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overlap {
    /// It is skipped.
    #[default]
    Skip,
    /// It waits for the previous run to end. One at most waits; others are skipped.
    Queue,
    /// The previous run is cancelled, and it waits for that.
    Cancel,
}

impl Overlap {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Skip, Self::Queue, Self::Cancel];

    /// The word that is stored, and that forms send.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Queue => "queue",
            Self::Cancel => "cancel",
        }
    }

    /// Parses [`Self::as_str`].
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|overlap| overlap.as_str() == word)
    }
}

/// Catch-up policy: what happens to runs that were due while no server was running.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missed {
    /// They are skipped.
    Skip,
    /// One run catches up for all of them.
    #[default]
    Once,
    /// Each is caught up, one after the other; the newest n, 1 to [`MAX_CATCH_UP_RUNS`].
    All(u32),
}

impl Missed {
    /// The word that is stored, and that forms send.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Once => "once",
            Self::All(_) => "all",
        }
    }

    /// How many missed runs are caught up at most.
    pub const fn most(self) -> u32 {
        match self {
            Self::Skip => 0,
            Self::Once => 1,
            Self::All(most) => most,
        }
    }

    /// Parses [`Self::as_str`]; `most` is the number of `all`.
    pub fn from_word(word: &str, most: u32) -> Option<Self> {
        match word {
            "skip" => Some(Self::Skip),
            "once" => Some(Self::Once),
            "all" => Some(Self::All(most)),
            _ => None,
        }
    }
}

/// What a schedule starts: the job, when it is due, and the policies for overlapping and missed runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its name on pages.
    pub name: String,
    /// The kind of its jobs.
    pub kind: String,
    /// Their input, a JSON object, as text.
    pub input: String,
    /// How urgent they are.
    pub priority: Priority,
    /// When its runs are due: a cron expression.
    pub expression: String,
    /// The time zone of the expression, an IANA name.
    pub zone: String,
    /// Policy for overlapping runs.
    pub overlap: Overlap,
    /// Policy for missed runs.
    pub missed: Missed,
}

/// A plan to be saved.
#[derive(Clone, Debug)]
pub struct SavePlan {
    /// The plan.
    pub plan: Plan,
    /// Uploads to which its input refers; they are kept as long as it does.
    pub uploads: Vec<String>,
    /// When the next run is due.
    pub next_at: Option<Micros>,
    /// Its author.
    pub by: Attribution,
}

/// A schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Its number.
    pub id: ScheduleId,
    /// What it starts, and when.
    pub plan: Plan,
    /// The user who owns it and the jobs it starts.
    pub owner: String,
    /// When it was made.
    pub created_at: Micros,
    /// When a user last changed it.
    pub changed_at: Micros,
    /// The user who last changed it.
    pub changed_by: String,
    /// Rises with every change by a user.
    pub revision: i64,
    /// When the next run is due; if paused, when it would have been.
    pub next_at: Option<Micros>,
    /// Whether, and why, it is paused.
    pub paused: Option<Pause>,
    /// Its newest active run.
    pub under_way: Option<JobId>,
    /// How many due runs wait for that one to end.
    pub waiting: u32,
}

/// A position in the list of schedules, which is sorted by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScheduleAt {
    /// The page after this one.
    After(ScheduleId),
    /// The page before this one.
    Before(ScheduleId),
}

/// A query for a page of the list of schedules.
#[derive(Clone, Debug, Default)]
pub struct ScheduleQuery {
    /// Only what the user can see.
    pub visibility: Visibility,
    /// Where the page begins; `None` for the first page. A schedule that is gone means the first page, too.
    pub at: Option<ScheduleAt>,
    /// How many; 1 to 200.
    pub limit: u32,
}

/// A page of the list of schedules.
#[derive(Clone, Debug, Default)]
pub struct SchedulePage {
    /// Sorted by name; without the inputs of their jobs, which may be large.
    pub schedules: Vec<Schedule>,
    /// Whether there are any before the first.
    pub before: bool,
    /// Whether there are any after the last.
    pub after: bool,
    /// How many are visible on all pages.
    pub total: u64,
}

/// Why a schedule is paused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    /// Since when.
    pub at: Micros,
    /// The user who paused it; `None` if the engine did.
    pub by: Option<String>,
    /// The reason, for people, if the engine paused it; else empty.
    pub why: String,
}

/// The run of a schedule that a job is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunOf {
    /// The schedule.
    pub schedule: ScheduleId,
    /// Its name on pages.
    pub name: String,
    /// When it was due; `None` if a user started it.
    pub due: Option<Micros>,
}

/// Why a run was not started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SkipReason {
    /// The previous run was still active.
    Overlap,
    /// A run was already waiting.
    OneWaits,
    /// Replaced by a newer run.
    Superseded,
    /// The schedule was paused.
    Paused,
    /// No server was running.
    Missed,
    /// A job with the same unique key was active.
    SameJob,
}

impl SkipReason {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Overlap, Self::OneWaits, Self::Superseded, Self::Paused, Self::Missed, Self::SameJob];

    /// The word that is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Overlap => "overlap",
            Self::OneWaits => "one_waits",
            Self::Superseded => "superseded",
            Self::Paused => "paused",
            Self::Missed => "missed",
            Self::SameJob => "same_job",
        }
    }

    /// Parses [`Self::as_str`].
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|why| why.as_str() == word)
    }
}

/// Runs that were skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skip {
    /// When the first of them was due.
    pub due: Micros,
    /// When the last was.
    pub last_due: Micros,
    /// How many, at least 1.
    pub runs: u64,
    /// Why.
    pub why: SkipReason,
}

/// The due runs of a schedule, or a waiting run that may start.
#[derive(Clone, Debug)]
pub struct Fire {
    /// The schedule.
    pub schedule: ScheduleId,
    /// As the caller knows it: if this or `seen` has changed, nothing is done.
    pub revision: i64,
    /// When its next run was due.
    pub seen: Option<Micros>,
    /// When its next run is due after this.
    pub next_at: Option<Micros>,
    /// Runs due now, oldest first, subject to the overlap policy.
    pub due: Vec<Micros>,
    /// Missed runs to catch up, one after the other, whatever the overlap policy.
    pub made_up: Vec<Micros>,
    /// Runs that are skipped.
    pub skipped: Option<Skip>,
    /// The job of each run, without its due time.
    pub job: NewJob,
}

/// The result of a [`Fire`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fired {
    /// A run was started. Others may wait for it.
    Started(JobId),
    /// Nothing starts now.
    Nothing,
    /// The schedule has changed or is gone. Nothing was done.
    Stale,
}

/// The work of the scheduler.
#[derive(Clone, Debug, Default)]
pub struct Due {
    /// Schedules with a due run, or with a waiting run that may start.
    pub schedules: Vec<Schedule>,
    /// When the next run of any other is due.
    pub next: Option<Micros>,
    /// Whether a run waits for another to end.
    pub waiting: bool,
}

/// The last runs of schedules: job, final state, seconds.
pub type JobRuns = BTreeMap<ScheduleId, Vec<(JobId, JobState, f64)>>;

/// A line of a schedule's history.
#[derive(Clone, Debug, PartialEq)]
pub enum Run {
    /// A run that was started.
    Started {
        /// When it was due; `None` if a user started it.
        due: Option<Micros>,
        /// The job that it is.
        job: Box<JobView>,
    },
    /// Runs that were skipped.
    Skipped {
        /// Which, and why.
        skip: Skip,
        /// When it was skipped.
        at: Micros,
        /// The job that was in the way.
        job: Option<JobId>,
    },
}

impl Run {
    /// The job that was started.
    #[must_use]
    pub fn job(&self) -> Option<&JobView> {
        match self {
            Self::Started { job, .. } => Some(job),
            Self::Skipped { .. } => None,
        }
    }
}

/// Schedules in the store. Every change by a user adds a line to the audit log, in the same commit.
#[async_trait]
pub trait Schedules: Send + Sync + 'static {
    /// Adds a schedule, owned by its author. `Error::Refused`, `too_many_schedules`, beyond
    /// [`MAX_SCHEDULES_PER_USER`] and [`MAX_SCHEDULES`].
    async fn add_schedule(&self, save: SavePlan) -> Result<ScheduleId>;
    /// Adds a schedule as [`Schedules::add_schedule`] does, unless its kind has one: returns the oldest then.
    async fn add_only_schedule(&self, save: SavePlan) -> Result<ScheduleId>;
    /// Replaces the plan of a schedule that is unchanged since `revision`; else `Error::Refused`, `changed_meanwhile`.
    /// Its owner stays. Waiting runs start by the new plan. If neither expression nor zone changes and it is not
    /// paused, its `next_at` stays, whatever is passed: it may have moved since that was computed.
    async fn change_schedule(&self, schedule: ScheduleId, revision: i64, save: SavePlan) -> Result<()>;
    /// Pauses a schedule and skips its waiting runs. A paused one is left as it is.
    async fn pause_schedule(&self, schedule: ScheduleId, by: &Attribution) -> Result<()>;
    /// Pauses a schedule on the engine's own account, for a reason, if it is unchanged since `revision`.
    async fn stop_schedule(&self, schedule: ScheduleId, revision: i64, why: &str) -> Result<()>;
    /// Resumes a schedule with the run that is due at `next_at`. Refused: `changed_meanwhile`.
    async fn resume_schedule(
        &self,
        schedule: ScheduleId,
        revision: i64,
        next_at: Option<Micros>,
        by: &Attribution,
    ) -> Result<()>;
    /// Deletes a schedule with its history; with a revision, only if it is unchanged since, else `Error::Refused`,
    /// `changed_meanwhile`. Its jobs stay, without a link to it.
    async fn delete_schedule(&self, schedule: ScheduleId, revision: Option<i64>, by: &Attribution) -> Result<()>;
    /// Starts the due run by the overlap policy of the schedule, records the runs that are skipped, and advances the
    /// next run: in one transaction, and only if the schedule is as the caller has seen it. So a run starts once,
    /// however many processes ask. The oldest waiting run starts if no run is active.
    async fn fire(&self, fire: Fire) -> Result<Fired>;

    /// The work at `now`, or a part of it if it is much.
    async fn due_schedules(&self, now: Micros) -> Result<Due>;
    /// One schedule; `Error::NoSuchSchedule`.
    async fn schedule(&self, schedule: ScheduleId) -> Result<Schedule>;
    /// A page of the visible schedules.
    async fn schedules(&self, query: &ScheduleQuery) -> Result<SchedulePage>;
    /// Visible schedules that are not paused, next due first, at most `limit`; without the inputs of their jobs.
    async fn next_schedules(&self, limit: u32, visibility: &Visibility) -> Result<Vec<Schedule>>;
    /// Visible schedules that the engine has paused, latest first, at most `limit`; without the inputs of their jobs.
    async fn suspended_schedules(&self, limit: u32, visibility: &Visibility) -> Result<Vec<Schedule>>;
    /// Its history, newest first, at most `limit`.
    async fn runs(&self, schedule: ScheduleId, limit: u32) -> Result<Vec<Run>>;
    /// The last `limit` ended and visible runs of each schedule, oldest first.
    async fn last_runs(&self, schedules: &[ScheduleId], limit: u32, visibility: &Visibility) -> Result<JobRuns>;
    /// Those of `jobs` that are runs, with their schedules.
    async fn runs_among(&self, jobs: &[JobId]) -> Result<BTreeMap<JobId, RunOf>>;
}
