//! What is started again and again, as it goes into the store and comes out of it. Nothing here knows a calendar: when
//! something is due is worked out by the callers.

use std::{collections::BTreeMap, fmt};

use async_trait::async_trait;
use model::{JobId, JobState, JobView, Micros, Priority};

use super::{By, NewJob};
use crate::{Result, access::Sight};

/// The most missed runs that are made up for.
pub const MOST_MISSED: u32 = 100;
/// How many notes of runs that were not started are kept of each schedule; the oldest go.
pub const SKIPS_KEPT: i64 = 200;

/// The most schedules of one user …
pub const MOST_SCHEDULES_OF_USER: u64 = 1_000;
/// … and of all.
pub const MOST_SCHEDULES: u64 = 10_000;

/// A schedule's number. Never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScheduleId(pub i64);

impl fmt::Display for ScheduleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What is done with a run that is due while the one before is not over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overlap {
    /// It is left out.
    #[default]
    Skip,
    /// It waits for the one before to end. One at most waits; more are left out.
    Queue,
    /// The one before is asked to stop, and it waits for that.
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

    /// The policy named by `word`, if it is one.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|overlap| overlap.as_str() == word)
    }
}

/// What is done about runs that were due while nobody could start them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missed {
    /// They are left out.
    Skip,
    /// One run makes up for all of them.
    #[default]
    Once,
    /// Each is made up for, one after the other; the newest so many, 1 to [`MOST_MISSED`].
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

    /// How many runs at most make up for what was missed.
    pub const fn most(self) -> u32 {
        match self {
            Self::Skip => 0,
            Self::Once => 1,
            Self::All(most) => most,
        }
    }

    /// The policy named by `word`, which takes `most` where it is about a number.
    pub fn from_word(word: &str, most: u32) -> Option<Self> {
        match word {
            "skip" => Some(Self::Skip),
            "once" => Some(Self::Once),
            "all" => Some(Self::All(most)),
            _ => None,
        }
    }
}

/// What somebody plans: which job, when, and what holds where runs meet or are missed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What people call it.
    pub name: String,
    /// The kind of its jobs.
    pub kind: String,
    /// Their input, a JSON object, as text.
    pub input: String,
    /// How urgent they are.
    pub priority: Priority,
    /// When: a cron expression …
    pub expression: String,
    /// … and the zone whose clocks it is read by, an IANA name.
    pub zone: String,
    /// Where runs meet.
    pub overlap: Overlap,
    /// Where runs were missed.
    pub missed: Missed,
}

/// A plan to be kept.
#[derive(Clone, Debug)]
pub struct SavePlan {
    /// The plan.
    pub plan: Plan,
    /// Uploads its input refers to; they are kept as long as it does.
    pub uploads: Vec<String>,
    /// When the next run is due.
    pub next_at: Option<Micros>,
    /// Who plans it.
    pub by: By,
}

/// A plan as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Its number.
    pub id: ScheduleId,
    /// What is planned.
    pub plan: Plan,
    /// Whose it is: its jobs start in this name.
    pub owner: String,
    /// When it was made.
    pub created_at: Micros,
    /// When a person last changed it …
    pub changed_at: Micros,
    /// … and who.
    pub changed_by: String,
    /// Rises with whatever a person changes.
    pub revision: i64,
    /// When the next run is due; of a paused one, when it would have been.
    pub next_at: Option<Micros>,
    /// Whether it starts nothing.
    pub paused: Option<Pause>,
    /// Its newest run that is not over.
    pub under_way: Option<JobId>,
    /// How many runs have come due and wait for that one to end.
    pub waiting: u32,
}

/// A place in the list of schedules, which is in the order of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScheduleAt {
    /// The page after this one.
    After(ScheduleId),
    /// The page before this one.
    Before(ScheduleId),
}

/// Which page of the list of schedules.
#[derive(Clone, Debug, Default)]
pub struct ScheduleQuery {
    /// Which of them are in sight.
    pub sight: Sight,
    /// Where; `None` for the first, and so for a place that is gone.
    pub at: Option<ScheduleAt>,
    /// At most so many, 1 to 200.
    pub limit: u32,
}

/// A page of the list of schedules.
#[derive(Clone, Debug, Default)]
pub struct SchedulePage {
    /// By name; without the inputs of their jobs, which may be large.
    pub schedules: Vec<Schedule>,
    /// Whether there are any before the first.
    pub before: bool,
    /// Whether there are any after the last.
    pub after: bool,
    /// How many are in sight on all pages.
    pub total: u64,
}

/// Why a schedule starts nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    /// Since when.
    pub at: Micros,
    /// Who paused it; `None` where it was paused by itself.
    pub by: Option<String>,
    /// The reason, for people, where it was paused by itself; else empty.
    pub why: String,
}

/// Which run of which schedule a job is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunOf {
    /// The schedule.
    pub schedule: ScheduleId,
    /// What people call it.
    pub name: String,
    /// When it was due; `None` where a person started it.
    pub due: Option<Micros>,
}

/// Why a run was not started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The previous run was still active.
    Overlap,
    /// A run was already waiting.
    OneWaits,
    /// Replaced by a newer run.
    Superseded,
    /// The schedule was paused.
    Paused,
    /// Nobody was there to start it.
    Missed,
    /// A job of somebody's does the same already, by the unique key of its task.
    SameJob,
}

impl Why {
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

    /// The reason named by `word`, if it is one.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|why| why.as_str() == word)
    }
}

/// Runs that were not started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skip {
    /// When the first of them was due.
    pub due: Micros,
    /// When the last was.
    pub last_due: Micros,
    /// How many they are, 1 at least.
    pub runs: u64,
    /// Why.
    pub why: Why,
}

/// What is to be done now that something of a schedule is due, or that what waited may start.
#[derive(Clone, Debug)]
pub struct Fire {
    /// The schedule.
    pub schedule: ScheduleId,
    /// As the caller knows it: where either of these is no longer so, nothing is done.
    pub revision: i64,
    /// When its next run was due.
    pub seen: Option<Micros>,
    /// When its next run is due after this.
    pub next_at: Option<Micros>,
    /// Runs to start in time, oldest first; where runs meet, the policy decides.
    pub due: Vec<Micros>,
    /// Runs that make up for missed ones, each in its turn, whatever the policy.
    pub made_up: Vec<Micros>,
    /// Runs that are left out.
    pub skipped: Option<Skip>,
    /// The job that a run is, but for its due time.
    pub job: NewJob,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fired {
    /// A run has begun. Others may wait for it.
    Started(JobId),
    /// All is seen to, and nothing begins now.
    Nothing,
    /// The schedule is not as it was, or gone. Nothing was changed.
    Stale,
}

/// What there is to do.
#[derive(Clone, Debug, Default)]
pub struct Due {
    /// Schedules of which a run is due, or one that waited may start.
    pub schedules: Vec<Schedule>,
    /// When the next run of any other is due.
    pub next: Option<Micros>,
    /// Whether a run waits for another to end.
    pub waiting: bool,
}

/// The last runs of schedules: job, how it ended, seconds.
pub type JobRuns = BTreeMap<ScheduleId, Vec<(JobId, JobState, f64)>>;

/// One line of a schedule's history.
#[derive(Clone, Debug, PartialEq)]
pub enum Run {
    /// A run that was started.
    Started {
        /// When it was due; `None` where a person started it.
        due: Option<Micros>,
        /// The job that it is.
        job: Box<JobView>,
    },
    /// Runs that were not.
    Skipped {
        /// Which, and why.
        skip: Skip,
        /// When that was decided.
        at: Micros,
        /// The job that stood against it.
        job: Option<JobId>,
    },
}

/// What is kept of schedules. Every change by a person notes itself in the audit log, in the same commit.
#[async_trait]
pub trait Schedules: Send + Sync + 'static {
    /// Keeps a new one; it is its planner's by the name. `Error::Refused`, `too_many_schedules`, beyond
    /// [`MOST_SCHEDULES_OF_USER`] and [`MOST_SCHEDULES`].
    async fn add_schedule(&self, save: SavePlan) -> Result<ScheduleId>;
    /// Puts another plan in the place of one that is as it was in `revision`; else `Error::Refused`, `changed_meanwhile`. Its
    /// owner stays. What waits starts by the new plan. Where neither expression nor zone changes, and it is not paused, its
    /// `next_at` stays, whatever is handed in: it may have moved since that was reckoned.
    async fn change_schedule(&self, schedule: ScheduleId, revision: i64, save: SavePlan) -> Result<()>;
    /// Lets it start nothing any more; what waits is left out. One that is paused stays as it is.
    async fn pause_schedule(&self, schedule: ScheduleId, by: &By) -> Result<()>;
    /// The same, by itself, for a reason, where it is as it was in `revision`; else nothing is changed.
    async fn stop_schedule(&self, schedule: ScheduleId, revision: i64, why: &str) -> Result<()>;
    /// Lets it start again what is due at `next_at` and after. Refused: `changed_meanwhile`.
    async fn resume_schedule(
        &self,
        schedule: ScheduleId,
        revision: i64,
        next_at: Option<Micros>,
        by: &By,
    ) -> Result<()>;
    /// Removes it with its history; with a revision, only where it is as it was in that, else `Error::Refused`,
    /// `changed_meanwhile`. Its jobs stay, and know it no longer.
    async fn delete_schedule(&self, schedule: ScheduleId, revision: Option<i64>, by: &By) -> Result<()>;
    /// Starts what is due by the policy of the schedule, notes what is not, and moves its next run on: all in one
    /// transaction, and only where the schedule is as the caller has seen it. So a run starts once, whoever asks and
    /// however often. Of what waits, the oldest starts where no run is under way.
    async fn fire(&self, fire: Fire) -> Result<Fired>;

    /// What there is to do at `now`; some of it where it is much.
    async fn due_schedules(&self, now: Micros) -> Result<Due>;
    /// One of them; `Error::NoSuchSchedule`.
    async fn schedule(&self, schedule: ScheduleId) -> Result<Schedule>;
    /// A page of those in sight, like the jobs of their owners.
    async fn schedules(&self, query: &ScheduleQuery) -> Result<SchedulePage>;
    /// Those in sight that are due next and not paused, the first first, at most `limit`; without the inputs of their jobs.
    async fn next_schedules(&self, limit: u32, sight: &Sight) -> Result<Vec<Schedule>>;
    /// What became of its runs, newest first, at most `limit`.
    async fn runs(&self, schedule: ScheduleId, limit: u32) -> Result<Vec<Run>>;
    /// The last runs of each that have ended and are in sight, at most `limit`, oldest first: job, how it ended, seconds.
    async fn last_runs(&self, schedules: &[ScheduleId], limit: u32, sight: &Sight) -> Result<JobRuns>;
    /// Which of `jobs` are runs, and of what.
    async fn runs_among(&self, jobs: &[JobId]) -> Result<BTreeMap<JobId, RunOf>>;
}
