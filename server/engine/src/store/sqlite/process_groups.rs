//! Process groups: the groups of processes that attempts have started beside their worker. None of it is an event.

use rusqlite::params;
use sqlx::Row;

use super::{backend::WriteCommand, read::Reader, row::json, transaction::Transaction};
use crate::{
    Error, Result,
    processes::{Group, GroupRow},
    store::{Fence, WorkerId},
};

/// Records a group that was started by an attempt, which must still hold its job.
pub(super) struct RecordProcessGroup {
    pub(super) fence: Fence,
    pub(super) group: Group,
    pub(super) host_boot_id: String,
}

impl WriteCommand for RecordProcessGroup {
    type Answer = ();

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        let Fence { job, attempt, worker } = &self.fence;
        let recorded = transaction.execute(
            "insert or replace into process_group (boot, leader, started, kernel, job, attempt)
            select boot, ?, ?, ?, id, attempt from job not indexed
            where id = ? and attempt = ? and boot = ? and state = 'running'",
            params![self.group.leader, self.group.started as i64, self.host_boot_id, job.0, attempt, worker.0],
        )?;
        if recorded == 1 { Ok(()) } else { Err(Error::Fenced) }
    }
}

/// Deletes a group that has ended.
pub(super) struct DeleteProcessGroup {
    pub(super) worker: WorkerId,
    pub(super) group: Group,
}

impl WriteCommand for DeleteProcessGroup {
    type Answer = ();

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        transaction.execute(
            "delete from process_group where boot = ? and leader = ? and started = ?",
            params![self.worker.0, self.group.leader, self.group.started as i64],
        )?;
        Ok(())
    }
}

/// Deletes all groups of dead workers.
pub(super) struct DeleteProcessGroups {
    pub(super) dead: Vec<WorkerId>,
}

impl WriteCommand for DeleteProcessGroups {
    type Answer = ();

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        let dead = json(&self.dead.iter().map(|worker| worker.0.as_str()).collect::<Vec<_>>())?;
        transaction.execute("delete from process_group where boot in (select value from json_each(?))", [dead])?;
        Ok(())
    }
}

impl Reader {
    pub(super) async fn process_groups(&self, workers: &[WorkerId]) -> Result<Vec<GroupRow>> {
        let workers = json(&workers.iter().map(|worker| worker.0.as_str()).collect::<Vec<_>>())?;
        let rows = sqlx::query(
            "select boot, leader, started, kernel, job, attempt from process_group
            where boot in (select value from json_each(?))",
        )
        .bind(workers)
        .fetch_all(self.pool())
        .await?;
        rows.iter()
            .map(|row| {
                Ok(GroupRow {
                    group: Group { leader: row.try_get(1)?, started: row.try_get::<i64, _>(2)? as u64 },
                    worker: WorkerId(row.try_get(0)?),
                    host_boot_id: row.try_get(3)?,
                    job: model::JobId(row.try_get(4)?),
                    attempt: row.try_get(5)?,
                })
            })
            .collect()
    }
}
