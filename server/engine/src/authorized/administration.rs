//! What only administrators see of the server: its folders, and the first steps of a new installation.

use std::path::PathBuf;

use super::AuthorizedEngine;
use crate::{
    Result,
    access::Action,
    store::{AuditNote, FIRST_STEPS_HIDDEN, FirstSteps},
};

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

    /// The folders that tasks may read, and whether they were configured.
    pub fn roots(&self) -> Result<(&[PathBuf], bool)> {
        self.authorise(Action::Administer)?;
        let paths = self.engine.roots().paths();
        let default = self.engine.data_dir().files();
        let is_default = |path: &PathBuf| default.canonicalize().is_ok_and(|default| *path == default);
        Ok((paths, !paths.iter().all(is_default)))
    }
}
