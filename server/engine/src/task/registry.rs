//! The registry of tasks, with their types erased.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use model::{FieldError, Role};
use serde_json::Value;

use crate::{
    Ctx, Error, Result, Task, TaskError, TaskInfo, UploadNames,
    progress::{
        kind_history::{HistoryCache, HistoryLookup},
        stages::Stages,
    },
    shared::Shared,
    store::Store,
    task::form,
};

/// Time until stage shares from history are read again.
const LEARNED_FOR: Duration = Duration::from_mins(1);

/// A task without its types.
#[async_trait]
pub(crate) trait ErasedTask: Send + Sync {
    /// Validates the input, whose form has been checked, and returns what it decides about the job.
    fn accept(&self, input: &Value, uploads: &UploadNames) -> Result<Accepted, Vec<FieldError>>;
    /// Runs the task; input and output are JSON text.
    async fn run(&self, input: &str, ctx: &Ctx) -> Result<String, TaskError>;
}

/// Properties of a job that its input decides.
pub(crate) struct Accepted {
    pub(crate) title: String,
    pub(crate) max_attempts: u32,
    pub(crate) unique_key: Option<String>,
}

/// The one adapter from [`Task`].
struct Typed<T>(T);

#[async_trait]
impl<T: Task> ErasedTask for Typed<T> {
    fn accept(&self, input: &Value, uploads: &UploadNames) -> Result<Accepted, Vec<FieldError>> {
        let input: T::Input = serde_path_to_error::deserialize(input).map_err(|error| {
            let field = error.path().iter().next().map_or_else(String::new, ToString::to_string);
            vec![FieldError { field, message: format!("This does not fit: {}.", error.inner()) }]
        })?;
        T::check(&input)?;
        Ok(Accepted {
            title: T::title_with_uploads(&input, uploads),
            max_attempts: T::max_attempts(&input).max(1),
            unique_key: T::unique_key(&input),
        })
    }

    async fn run(&self, input: &str, ctx: &Ctx) -> Result<String, TaskError> {
        let input: T::Input = serde_json::from_str(input).map_err(|error| {
            let message = "the stored input does not fit this version of the task; start a new job";
            TaskError::fatal("bad_input", message).caused_by(&error)
        })?;
        let output = self.0.run(input, ctx).await?;
        serde_json::to_string(&output)
            .map_err(|error| TaskError::fatal("bad_output", "the output cannot be written as JSON").caused_by(&error))
    }
}

/// One registered kind.
pub(crate) struct Entry {
    /// What the catalogue shows.
    pub(crate) info: TaskInfo,
    /// The task.
    pub(crate) task: Box<dyn ErasedTask>,
    weights: &'static [f64],
    shares: Mutex<Option<(Instant, Vec<f64>)>>,
    history: HistoryCache,
}

impl Entry {
    fn new<T: Task>(task: T) -> Self {
        let schema = form::schema_of::<T::Input>();
        let form = form::from_schema(T::KIND, &schema);
        let info = TaskInfo {
            kind: T::KIND,
            name: T::NAME,
            about: T::ABOUT,
            icon: None,
            group: None,
            stages: T::STAGES,
            form,
            schema,
            max_attempts: T::MAX_ATTEMPTS.max(1),
            backoff: T::BACKOFF,
            timeout: T::TIMEOUT,
            quiet_timeout: T::QUIET_TIMEOUT,
            checkpoints: T::CHECKPOINTS,
            log_steps: T::LOG_STEPS,
            queue: T::QUEUE,
            limit: T::LIMIT,
            start_role: T::START_ROLE.max(Role::Operator),
            private: T::PRIVATE,
        };
        Self::of(info, Box::new(Typed(task)), T::WEIGHTS)
    }

    /// A kind whose types are erased.
    pub(crate) fn of(info: TaskInfo, task: Box<dyn ErasedTask>, weights: &'static [f64]) -> Self {
        Self { info, task, weights, shares: Mutex::new(None), history: HistoryCache::default() }
    }

    /// History of recent successful runs. The store is read in the background, at most once a minute.
    pub(crate) fn history_lookup(self: &Arc<Self>, shared: &Arc<Shared>, now: Instant) -> HistoryLookup {
        let (lookup, refresh) = self.history.lookup(now);
        if refresh {
            let (entry, store) = (Arc::clone(self), Arc::clone(&shared.store));
            shared.service.spawn(async move {
                entry.history.refresh(store.as_ref(), entry.info.kind.as_str(), entry.info.stages.len()).await;
            });
        }
        lookup
    }

    /// Shares of the stages: those of the task, else from history, else equal.
    pub(crate) async fn stages(&self, store: &dyn Store) -> Stages {
        let names = self.info.stages;
        if names.len() < 2 || !self.weights.is_empty() {
            return Stages::new(names, self.weights);
        }
        if let Some((at, weights)) = &*self.shares.lock().unwrap_or_else(PoisonError::into_inner)
            && at.elapsed() < LEARNED_FOR
        {
            return Stages::new(names, weights);
        }
        let weights = match store.stage_weights(self.info.kind.as_str()).await {
            Ok(weights) => weights.unwrap_or_default(),
            Err(error) => {
                tracing::warn!(kind = %self.info.kind, %error, "no stage history; the stages share the bar equally");
                Vec::new()
            }
        };
        let stages = Stages::new(names, &weights);
        *self.shares.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), weights));
        stages
    }
}

/// All registered kinds.
pub(crate) struct Registry {
    entries: BTreeMap<&'static str, Arc<Entry>>,
    catalogue: Vec<TaskInfo>,
}

/// Collects kinds; frozen into a [`Registry`] when the engine opens.
#[derive(Default)]
pub(crate) struct Registering(BTreeMap<&'static str, Arc<Entry>>);

impl Registering {
    pub(crate) fn add<T: Task>(&mut self, task: T) {
        let before = self.0.insert(T::KIND.as_str(), Arc::new(Entry::new(task)));
        assert!(before.is_none(), "the kind {} is registered twice", T::KIND);
    }

    /// Adds a declared kind; `false` if the name is in use.
    pub(crate) fn add_declared(&mut self, entry: Entry) -> bool {
        let kind = entry.info.kind.as_str();
        let is_new = !self.0.contains_key(kind);
        if is_new {
            self.0.insert(kind, Arc::new(entry));
        }
        is_new
    }

    pub(crate) fn freeze(self) -> Registry {
        let mut catalogue: Vec<TaskInfo> = self.0.values().map(|entry| entry.info.clone()).collect();
        catalogue.sort_by_key(|info| info.name);
        Registry { entries: self.0, catalogue }
    }
}

impl Registry {
    /// The catalogue, by name.
    pub(crate) fn catalogue(&self) -> &[TaskInfo] {
        &self.catalogue
    }

    /// All kinds.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.entries.values()
    }

    pub(crate) fn find(&self, kind: &str) -> Option<&Arc<Entry>> {
        self.entries.get(kind)
    }

    /// One kind, or an error that lists all kinds.
    pub(crate) fn get(&self, kind: &str) -> Result<&Arc<Entry>> {
        self.find(kind).ok_or_else(|| Error::UnknownKind {
            kind: kind.chars().take(80).collect(),
            known: self.entries.keys().copied().collect::<Vec<_>>().join(", "),
        })
    }
}
