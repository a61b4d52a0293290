//! What only administrators see of the server: its folders, and the first steps of a new installation.

use std::path::PathBuf;

use super::AuthorizedEngine;
use crate::{
    Result,
    access::Action,
    nodes::node_lock,
    store::{AuditNote, FIRST_STEPS_HIDDEN, FirstSteps, Node, Role, Usage},
};

/// Where a server keeps its data, and the processes that work on it.
#[derive(Clone, Debug)]
pub struct Installation {
    /// The data directory; absolute, if the system says where it is.
    pub data_dir: PathBuf,
    /// Bytes that Milepost uses in it.
    pub usage: Usage,
    /// Free bytes of its disk; `None` if the system does not say.
    pub free: Option<u64>,
    /// The server first, then the workers by their process ids.
    pub processes: Vec<Process>,
}

/// A process that works on the data directory.
#[derive(Clone, Debug)]
pub struct Process {
    /// Server or worker.
    pub role: Role,
    /// Its number on its host.
    pub pid: u32,
    /// Jobs it runs at once.
    pub slots: u32,
    /// Kinds of the jobs that it runs; `None` if unknown.
    pub kinds: Option<Vec<String>>,
}

impl AuthorizedEngine {
    /// The first steps of an installation; `None` if they are hidden. See [`crate::store::Store::first_steps`].
    pub async fn first_steps(&self, first: &str, backup: &str) -> Result<Option<FirstSteps>> {
        self.authorise(Action::Administer)?;
        self.engine.store().first_steps(first, backup).await
    }

    /// Hides the first steps, for all users.
    pub async fn hide_first_steps(&self) -> Result<()> {
        self.authorise(Action::Administer)?;
        // One entry is enough; a second click adds none.
        if self.engine.store().first_steps("", "").await?.is_none() {
            return Ok(());
        }
        let note = AuditNote { by: self.by.clone(), what: FIRST_STEPS_HIDDEN, detail: String::new() };
        self.engine.store().add_audit_note(note).await
    }

    /// Where the server keeps its data, and the processes that work on it.
    pub async fn installation(&self) -> Result<Installation> {
        self.authorise(Action::Administer)?;
        let data = self.engine.data_dir();
        let (usage, nodes) = tokio::try_join!(self.engine.store().usage(), self.engine.store().nodes())?;
        let process = |node: Node| Process {
            role: node.role,
            pid: node.pid,
            slots: node.concurrency,
            kinds: node_lock::kinds(data, &node.worker),
        };
        let mut processes: Vec<_> = nodes.into_iter().map(process).collect();
        processes.sort_by_key(|process| (process.role != Role::Server, process.pid));
        let data_dir = data.path().canonicalize().unwrap_or_else(|_| data.path().to_owned());
        Ok(Installation { data_dir, usage, free: self.engine.free_space(), processes })
    }

    /// The folders that tasks may read, and whether they were configured.
    pub fn roots(&self) -> Result<(&[PathBuf], bool)> {
        self.authorise(Action::Administer)?;
        let paths = self.engine.roots().paths();
        let default = self.engine.data_dir().files();
        let is_default = |path: &PathBuf| default.canonicalize().is_ok_and(|default| *path == default);
        Ok((paths, !paths.iter().all(is_default)))
    }
}
