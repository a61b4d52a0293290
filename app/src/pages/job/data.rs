//! Data of the job page, read for one request.

use engine::{
    Curve, Error, Hold, Result,
    access::Action,
    store::{Activity, Artifact, AttemptRow, JobDetail, ListQuery, LogPage, LogQuery, PageAt, RunOf},
};
use leptos_axum::extract;
use leptos_router::params::ParamsMap;
use model::{JobId, JobState, JobView, Level, MessageEvent, Micros};
use tower_sessions::Session;

use super::{input::Input, log_findings::Findings, preview::Preview, text};
use crate::{context::app, session::pinned};

/// Log lines on one page.
const LOG_LINES: u32 = 200;
/// Lines before the one that the address names.
const LINES_BEFORE: u64 = 20;
/// Newest notes shown.
const NOTES: u32 = 100;
/// Activities shown.
const ACTIVITIES: u32 = 50;
/// Earlier runs shown.
const EARLIER: u32 = 15;
/// Newest runs of the task offered for comparison.
const COMPARABLE: u32 = 20;

/// The query of the page's address.
#[derive(Clone, Debug, Default)]
pub(super) struct JobQuery {
    /// Log lines before this one.
    pub before: Option<u64>,
    /// Log lines from this one on.
    pub from: Option<u64>,
    /// The part of the log around this line.
    pub line: Option<u64>,
    /// Only log lines with this text.
    pub text: String,
    /// Only log lines of this level or above.
    pub level: Option<Level>,
    /// The form of a note, on a page that does not reload.
    pub note: bool,
    /// The run to compare with.
    pub with: Option<JobId>,
    /// The artifact to preview.
    pub preview: Option<String>,
}

impl JobQuery {
    /// Reads the query and ignores invalid values.
    pub(super) fn of(query: &ParamsMap) -> Self {
        let number = |name: &str| query.get(name).and_then(|text| text.parse().ok());
        Self {
            before: number("before"),
            from: number("from"),
            line: number("line"),
            text: query.get("text").unwrap_or_default(),
            level: query.get("level").as_deref().and_then(Level::from_word),
            note: query.get("note").is_some(),
            with: query.get("with").and_then(|job| job.parse().ok()),
            preview: query.get("preview"),
        }
    }

    fn log(&self) -> LogQuery {
        let text = self.text.trim();
        LogQuery {
            before: self.before,
            from: self.from.or(self.line.map(|line| line.saturating_sub(LINES_BEFORE).max(1))),
            level: self.level,
            text: (!text.is_empty()).then(|| text.to_owned()),
            limit: LOG_LINES,
        }
    }
}

/// What the user may do with the job.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a right of its own")]
pub(super) struct Permissions {
    /// Start another job of the kind.
    pub start: bool,
    /// Cancel, retry, pause or resume it.
    pub steer: bool,
    /// Add a note.
    pub write: bool,
    /// Delete it after its end.
    pub delete: bool,
}

/// The run to compare with.
#[derive(Clone)]
pub(super) enum Comparison {
    /// Another run of the task, the seconds of its stages, and its progress.
    Run(Box<JobView>, Vec<f64>, Option<Curve>),
    /// Why it cannot be compared.
    Refused(String),
}

impl Comparison {
    /// Loads the run. A job that the user may not see does not exist.
    async fn load(job: &JobView, with: JobId) -> Result<Self> {
        match app().engine.detail(with).await {
            Ok((_, detail)) if detail.view.kind != job.kind => Ok(Self::Refused(text::cannot_be_compared(&with))),
            Ok((open, detail)) => Ok(Self::Run(Box::new(detail.view), detail.stage_seconds, open.curve().await?)),
            Err(Error::NoSuchJob(_)) => Ok(Self::Refused(text::no_such_job(&with))),
            Err(error) => Err(error),
        }
    }
}

#[derive(Clone)]
pub(super) struct Data {
    /// Without the input.
    pub detail: JobDetail,
    /// The input, as far as it is shown.
    pub input: Input,
    pub attempts: Vec<AttemptRow>,
    pub activity: Vec<Activity>,
    pub artifacts: Vec<Artifact>,
    pub preview: Option<Preview>,
    pub notes: Vec<MessageEvent>,
    pub log: LogPage,
    pub findings: Findings,
    pub earlier: Vec<JobView>,
    /// The progress over time.
    pub curve: Option<Curve>,
    /// The usual seconds of each stage.
    pub usual: Vec<f64>,
    /// Runs offered for comparison.
    pub comparable: Vec<JobView>,
    pub beside: Option<Comparison>,
    pub pinned: bool,
    /// The schedule that started it.
    pub run_of: Option<RunOf>,
    pub may: Permissions,
    /// Name and stages of the task; for a kind that is no longer registered, only its name.
    pub task: (String, Vec<String>),
    /// Whether a running job of the task can be paused.
    pub pauses: bool,
    /// What keeps a queued job from starting, other than a full pool.
    pub hold: Option<Hold>,
    /// The estimated wait for a slot, seconds.
    pub starts_in: Option<f64>,
    /// How long a task may take to stop, seconds.
    pub grace: f64,
    pub now: Micros,
    pub asked: JobQuery,
}

impl Data {
    pub(super) async fn load(job: JobId, asked: JobQuery) -> Result<Self> {
        let engine = app().engine;
        let (open, mut detail) = engine.detail(job).await?;
        // It may be large, and `Data` is cloned.
        let input = std::mem::take(&mut detail.input);
        let input = Input::of(&engine, engine.task(&detail.view.kind), &input, &detail.uploads).await;
        let earlier = ListQuery {
            kind: Some(detail.view.kind.clone()),
            at: Some(PageAt::OlderThan(job)),
            limit: EARLIER,
            ..ListQuery::default()
        };
        let comparable = ListQuery { kind: earlier.kind.clone(), limit: COMPARABLE, ..ListQuery::default() };
        let log = asked.log();
        let (attempts, activity, artifacts, notes, log, findings, earlier, curve, run_of) = tokio::try_join!(
            open.attempts(),
            open.activity(ACTIVITIES),
            open.artifacts(),
            open.notes(NOTES),
            open.log(&log),
            Findings::read(&open, &detail.view),
            engine.page(earlier),
            open.curve(),
            engine.run_of(job),
        )?;
        let staged = engine.task(&detail.view.kind).is_some_and(|task| task.stages.len() > 1);
        let usual = if staged { open.usual_stage_seconds().await? } else { Vec::new() };
        // Without progress over time there is nothing to compare.
        let comparable = match &curve {
            Some(_) => engine.page(comparable).await?.jobs,
            None => Vec::new(),
        };
        let beside = match asked.with.filter(|with| *with != job) {
            Some(with) => Some(Comparison::load(&detail.view, with).await?),
            None => None,
        };
        let preview = match &asked.preview {
            Some(name) if engine.can_on(Action::Download, &detail.view) => Preview::read(&open, name).await?,
            _ => None,
        };
        let hold = match detail.view.state {
            JobState::Queued => open.hold().await?,
            _ => None,
        };
        let starts_in = match (detail.view.state, &hold) {
            (JobState::Queued, None) => open.starts_in().await?,
            _ => None,
        };
        let session = extract::<Session>().await.ok();
        let task = engine.task(&detail.view.kind).map_or_else(
            || (detail.view.kind.clone(), Vec::new()),
            |task| (task.name.to_owned(), task.stages.iter().map(|stage| (*stage).to_owned()).collect()),
        );
        let may = Permissions {
            start: engine.can_start(&detail.view.kind),
            steer: engine.can_on(Action::Control, &detail.view),
            write: engine.can_on(Action::Write, &detail.view),
            delete: engine.can_on(Action::Delete, &detail.view),
        };
        Ok(Self {
            may,
            attempts,
            activity,
            artifacts,
            preview,
            notes,
            log,
            findings,
            earlier: earlier.jobs,
            curve,
            usual,
            comparable,
            beside,
            pinned: pinned::read(session.as_ref()).await.contains(&job),
            run_of,
            task,
            pauses: engine.task(&detail.view.kind).is_some_and(|task| task.checkpoints),
            hold,
            starts_in,
            grace: engine.cancel_grace().as_secs_f64(),
            now: engine.now(),
            asked,
            detail,
            input,
        })
    }
}
