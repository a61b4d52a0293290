//! Reports of jobs that run elsewhere: the runs of the actor's own name.

use std::{sync::Arc, time::Duration};

use wire::{Batch, Entry, Status};

use super::AuthorizedEngine;
use crate::{
    Error,
    access::{Action, Subject, authorise},
    reports::{Content, Report, ReportError},
    store::RunKey,
};

impl AuthorizedEngine {
    /// Takes a batch of a run. Returns the state of the run, and whether the batch created it.
    ///
    /// # Errors
    /// `Error::Denied`; see [`ReportError`].
    pub async fn report(&self, kind: &str, run: &str, batch: Batch) -> Result<(Status, bool), ReportError> {
        self.authorise_report(kind)?;
        self.take(self.run(kind, run), true, Content::Batch(batch)).await
    }

    /// Takes one entry without a number. Without a run id it belongs to the active run of this kind and token. `part` is
    /// the part of the log that it is.
    ///
    /// # Errors
    /// As [`Self::report`].
    pub async fn signal(
        &self,
        kind: &str,
        run: Option<&str>,
        entry: Entry,
        part: Option<u64>,
    ) -> Result<(Status, bool), ReportError> {
        self.authorise_report(kind)?;
        let key = match run {
            Some(run) => self.run(kind, run),
            None => self.engine.reports.unnamed_run(&self.by, kind, &entry).await?,
        };
        self.take(key, run.is_some(), Content::Signal(entry, part)).await
    }

    /// The state of a run.
    ///
    /// # Errors
    /// `Error::Denied`, `ReportError::NoSuchRun`, `ReportError::Gone`.
    pub async fn run_status(&self, kind: &str, run: &str) -> Result<Status, ReportError> {
        self.authorise_report(kind)?;
        self.engine.reports.look_up(&self.run(kind, run)).await
    }

    /// Waits until the control of a run differs from `since`, for at most `wait`; `None` if it does not.
    ///
    /// # Errors
    /// Those of [`Self::run_status`].
    pub async fn wait_for_control(
        &self,
        kind: &str,
        run: &str,
        since: &str,
        wait: Duration,
    ) -> Result<Option<Status>, ReportError> {
        self.authorise_report(kind)?;
        self.engine.reports.wait_for_control(&self.run(kind, run), since, wait).await
    }

    fn authorise_report(&self, kind: &str) -> Result<(), Error> {
        Ok(authorise(&self.actor, Action::Report, Subject::Kind(self.rules.of(kind)))?)
    }

    fn run(&self, kind: &str, run: &str) -> RunKey {
        RunKey { owner: Arc::clone(&self.by.name), kind: kind.to_owned(), run: run.to_owned() }
    }

    async fn take(&self, key: RunKey, is_named: bool, content: Content) -> Result<(Status, bool), ReportError> {
        self.engine.reports.take(&Report { key, is_named, by: self.by.clone(), content }).await
    }
}
