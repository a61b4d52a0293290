//! Kinds that exist by reports only. Each needs an entry like those of the registry, for the history of its runs.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use model::{FieldError, Role};
use serde_json::{Value, json};
use wire::Start;

use crate::{
    Backoff, Ctx, Error, Kind, Queue, Result, TaskError, TaskInfo, UploadNames,
    store::RunningRun,
    task::{
        form,
        registry::{Accepted, Entry, ErasedTask},
    },
    types::names::kept,
};

/// Different names of stages and units that are kept while the process runs. Above it, stages and units are left out.
const MAX_NAMES: usize = 10_000;

/// The kinds of hosted runs.
#[derive(Default)]
pub(super) struct Kinds {
    entries: Mutex<HashMap<String, Arc<Entry>>>,
}

impl Kinds {
    /// The entry of a run's kind, with the stages that the run has. The store bounds the number of kinds.
    pub(super) fn entry(&self, run: &RunningRun) -> Result<Arc<Entry>> {
        let start: Start = serde_json::from_str(&run.start).unwrap_or_default();
        let names: Option<Vec<&'static str>> = start.stages.iter().map(|name| interned(name)).collect();
        let names = names.unwrap_or_default();
        let mut entries = self.entries();
        if let Some(entry) = entries.get(&run.key.kind).filter(|entry| entry.info.stages == names) {
            return Ok(Arc::clone(entry));
        }
        let known = entries.get(&run.key.kind).map(|entry| entry.info.kind);
        let kind = known.map_or_else(|| Kind::declared(&run.key.kind), Ok).map_err(Error::Unusable)?;
        let entry = Arc::new(entry_of(kind, stage_list(names))?);
        entries.insert(run.key.kind.clone(), Arc::clone(&entry));
        Ok(entry)
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<String, Arc<Entry>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn entry_of(kind: Kind, stages: &'static [&'static str]) -> Result<Entry> {
    let schema = json!({ "type": "object", "properties": {} });
    let form = form::declared(&schema).map_err(|(field, _)| Error::Unusable(field))?;
    let info = TaskInfo {
        kind,
        name: kind.as_str(),
        about: "",
        icon: None,
        group: None,
        stages,
        form,
        schema,
        max_attempts: 1,
        backoff: Backoff::DEFAULT,
        timeout: None,
        quiet_timeout: None,
        checkpoints: false,
        log_steps: false,
        queue: Queue::DEFAULT,
        limit: None,
        start_role: Role::Operator,
        private: false,
    };
    Ok(Entry::of(info, Box::new(Elsewhere), &[]))
}

/// The task of a reported kind, which nothing calls: its work is done elsewhere.
struct Elsewhere;

#[async_trait]
impl ErasedTask for Elsewhere {
    fn accept(&self, _: &Value, _: &UploadNames) -> Result<Accepted, Vec<FieldError>> {
        let message = "This kind is reported by programs elsewhere; it cannot be started here.".to_owned();
        Err(vec![FieldError { field: String::new(), message }])
    }

    async fn run(&self, _: &str, _: &Ctx) -> Result<String, TaskError> {
        Err(TaskError::fatal("runs_elsewhere", "the work of this kind is done elsewhere"))
    }
}

/// The text for as long as the process runs; `None` once [`MAX_NAMES`] texts are kept.
pub(super) fn interned(text: &str) -> Option<&'static str> {
    static NAMES: Mutex<Option<HashSet<&'static str>>> = Mutex::new(None);
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    let names = names.get_or_insert_default();
    if let Some(known) = names.get(text) {
        return Some(known);
    }
    if names.len() >= MAX_NAMES {
        return None;
    }
    let new = kept(text);
    names.insert(new);
    Some(new)
}

/// The list for as long as the process runs; an empty one once too many are kept.
fn stage_list(names: Vec<&'static str>) -> &'static [&'static str] {
    static LISTS: Mutex<Option<HashSet<&'static [&'static str]>>> = Mutex::new(None);
    let mut lists = LISTS.lock().unwrap_or_else(PoisonError::into_inner);
    let lists = lists.get_or_insert_default();
    if let Some(known) = lists.get(names.as_slice()) {
        return known;
    }
    if lists.len() >= MAX_NAMES {
        return &[];
    }
    let new: &'static [&'static str] = Box::leak(names.into_boxed_slice());
    lists.insert(new);
    new
}
