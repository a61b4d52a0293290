//! Writing down who did what. Each line comes with the commit of what it tells.

use model::JobId;
use rusqlite::params;

use crate::{
    Result,
    store::{
        By, Note,
        sqlite::{batch::Verb, transaction::Transaction},
    },
};

impl Verb for Note {
    type Answer = ();

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        transaction.audit(&self.by, self.what, None, &self.detail)
    }
}

impl Transaction<'_> {
    /// Adds a line to the audit log.
    pub(in crate::store::sqlite) fn audit(&self, by: &By, what: &str, job: Option<JobId>, detail: &str) -> Result<()> {
        self.execute(
            "insert into audit (at, who, token, address, what, job, detail) values (?, ?, ?, ?, ?, ?, ?)",
            params![
                self.now.0,
                by.name,
                by.token,
                by.address.map(|address| address.to_string()),
                what,
                job.map(|job| job.0),
                detail
            ],
        )?;
        Ok(())
    }
}
