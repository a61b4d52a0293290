//! Groups of processes that attempts have started, and what tasks say of who may do what with their jobs. None of it is an
//! event.

use model::Role;
use rusqlite::params;
use sqlx::Row;

use super::{batch::Verb, read::Reader, row::json, transaction::Transaction};
use crate::{
    Error, Result,
    processes::{Group, GroupRow},
    store::{BootId, DeclaredRule, Fence},
};

/// Records a group that an attempt has started, which must still hold its job.
pub(super) struct RecordGroup {
    pub(super) fence: Fence,
    pub(super) group: Group,
    pub(super) kernel: String,
}

impl Verb for RecordGroup {
    type Answer = ();

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        let Fence { job, attempt, boot } = &self.fence;
        let recorded = transaction.execute(
            "insert or replace into process_group (boot, leader, started, kernel, job, attempt)
            select boot, ?, ?, ?, id, attempt from job not indexed
            where id = ? and attempt = ? and boot = ? and state = 'running'",
            params![self.group.leader, self.group.started as i64, self.kernel, job.0, attempt, boot.0],
        )?;
        if recorded == 1 { Ok(()) } else { Err(Error::Fenced) }
    }
}

/// Forgets a group of which nothing is left.
pub(super) struct ForgetGroup {
    pub(super) boot: BootId,
    pub(super) group: Group,
}

impl Verb for ForgetGroup {
    type Answer = ();

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        transaction.execute(
            "delete from process_group where boot = ? and leader = ? and started = ?",
            params![self.boot.0, self.group.leader, self.group.started as i64],
        )?;
        Ok(())
    }
}

/// Forgets all groups of dead processes.
pub(super) struct ForgetGroups {
    pub(super) dead: Vec<BootId>,
}

impl Verb for ForgetGroups {
    type Answer = ();

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        let dead = json(&self.dead.iter().map(|boot| boot.0.as_str()).collect::<Vec<_>>())?;
        transaction.execute("delete from process_group where boot in (select value from json_each(?))", [dead])?;
        Ok(())
    }
}

/// Notes what tasks say.
pub(super) struct DeclareRules {
    pub(super) rules: Vec<DeclaredRule>,
}

impl Verb for DeclareRules {
    type Answer = ();

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        for DeclaredRule { kind, start, private } in &self.rules {
            transaction.execute(
                "insert into declared_rule (kind, start_role, private) values (?, ?, ?)
                on conflict (kind) do update set start_role = excluded.start_role, private = excluded.private
                where start_role is not excluded.start_role or private is not excluded.private",
                params![kind, start.as_str(), private],
            )?;
        }
        Ok(())
    }
}

impl Reader {
    pub(super) async fn groups(&self, boots: &[BootId]) -> Result<Vec<GroupRow>> {
        let boots = json(&boots.iter().map(|boot| boot.0.as_str()).collect::<Vec<_>>())?;
        let rows = sqlx::query(
            "select boot, leader, started, kernel, job, attempt from process_group
            where boot in (select value from json_each(?))",
        )
        .bind(boots)
        .fetch_all(self.pool())
        .await?;
        rows.iter()
            .map(|row| {
                Ok(GroupRow {
                    group: Group { leader: row.try_get(1)?, started: row.try_get::<i64, _>(2)? as u64 },
                    boot: BootId(row.try_get(0)?),
                    kernel: row.try_get(3)?,
                    job: model::JobId(row.try_get(4)?),
                    attempt: row.try_get(5)?,
                })
            })
            .collect()
    }

    pub(super) async fn declared_rules(&self) -> Result<Vec<DeclaredRule>> {
        let rows: Vec<(String, String, bool)> =
            sqlx::query_as("select kind, start_role, private from declared_rule order by kind")
                .fetch_all(self.pool())
                .await?;
        // A role that is none is held to be the one that may do most: nobody sees or starts more by it.
        let role = |word: &str| Role::from_word(word).unwrap_or(Role::Administrator);
        Ok(rows.into_iter().map(|(kind, start, private)| DeclaredRule { kind, start: role(&start), private }).collect())
    }
}
