//! Registration and heartbeats of the processes that work on this file. None of these changes is an event.

use model::JobId;
use rusqlite::params;

use super::{backend::WriteCommand, transaction::Transaction};
use crate::{
    Result,
    store::{Node, WorkerId},
};

/// Registers a process, or registers it again.
pub(super) struct Register {
    pub(super) node: Node,
}

impl WriteCommand for Register {
    type Answer = ();

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        let Node { worker, host_boot_id, pid, role, concurrency, lease, heartbeat } = &self.node;
        let (lease, heartbeat) = (lease.as_micros() as i64, *heartbeat as i64);
        transaction.execute(
            "insert into node (boot, kernel, pid, role, concurrency, started_at, lease, heartbeat, alive_at)
            values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?6) on conflict do nothing",
            params![worker.0, host_boot_id, pid, role.as_str(), concurrency, transaction.now.0, lease, heartbeat],
        )?;
        Ok(())
    }
}

/// Heartbeat. Returns whether the process is still registered.
pub(super) struct Heartbeat {
    pub(super) worker: WorkerId,
}

impl WriteCommand for Heartbeat {
    type Answer = bool;

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<bool> {
        let beaten = transaction.execute(
            "update node set heartbeat = heartbeat + 1, alive_at = ? where boot = ?",
            params![transaction.now.0, self.worker.0],
        )?;
        Ok(beaten == 1)
    }
}

/// Removes a process that holds no jobs any more.
pub(super) struct Unregister {
    pub(super) worker: WorkerId,
}

impl WriteCommand for Unregister {
    type Answer = ();

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        transaction.execute(
            "delete from node where boot = ?1 and not exists (
                select 1 from job indexed by job_by_state where state = 'running' and job.boot = ?1 and job.reported_from is null
            )",
            [&self.worker.0],
        )?;
        Ok(())
    }
}

/// Settles the jobs of silent processes, unless their heartbeat has risen since it was read.
pub(super) struct Expire {
    pub(super) silent: Vec<Node>,
}

impl WriteCommand for Expire {
    type Answer = Vec<JobId>;

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<Vec<JobId>> {
        let mut dead = Vec::new();
        for Node { worker, heartbeat, .. } in &self.silent {
            let still_silent = transaction.row(
                "select 1 from node where boot = ? and heartbeat = ?",
                params![worker.0, *heartbeat as i64],
                |_| Ok(()),
            )?;
            dead.extend(still_silent.map(|()| worker.clone()));
        }
        transaction.settle(&dead)
    }
}
