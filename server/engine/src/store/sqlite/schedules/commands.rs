//! Commands of users on a schedule: add, change, pause, resume and delete; and the pause by the engine itself.

use model::Micros;
use rusqlite::params;

use super::Found;
use crate::{
    Error, Result,
    store::{
        Attribution, SavePlan, ScheduleId,
        rules::{due_run::skipped_by_pause, limits::check_schedule_count},
        sqlite::{backend::WriteCommand, error::corrupt, transaction::Transaction},
    },
};

/// Adds a schedule.
pub(super) struct Add {
    pub(super) save: SavePlan,
    /// Whether the oldest schedule of the kind is returned instead, if there is one.
    pub(super) only: bool,
}

impl WriteCommand for Add {
    const ADDS: bool = true;

    type Answer = ScheduleId;

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<ScheduleId> {
        let SavePlan { plan, uploads, next_at, by } = &self.save;
        let oldest = "select id from schedule where kind = ? order by id limit 1";
        if self.only
            && let Some(known) = transaction.row(oldest, [&plan.kind], |row| Ok(ScheduleId(row.get(0)?)))?
        {
            return Ok(known);
        }
        transaction.check_schedule_count(&by.name)?;
        transaction.check_uploads(uploads)?;
        let now = transaction.now.0;
        transaction.execute(
            "insert into schedule (name, kind, input, priority, expression, zone, overlap, missed, missed_most, owner,
                created_at, changed_at, changed_by, next_at)
            values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                plan.name,
                plan.kind,
                plan.input,
                plan.priority.level(),
                plan.expression,
                plan.zone,
                plan.overlap.as_str(),
                plan.missed.as_str(),
                plan.missed.most().max(1),
                by.name,
                now,
                now,
                by.name,
                next_at.map(|at| at.0)
            ],
        )?;
        let id = transaction.row("select last_insert_rowid()", [], |row| Ok(ScheduleId(row.get(0)?)))?;
        let id = id.ok_or_else(|| corrupt("a new schedule", "it has no number"))?;
        transaction.refer_to_uploads(id, uploads)?;
        transaction.record_schedule_event(id, &plan.kind, &by.name);
        transaction.audit(by, "schedule_created", None, &named(id, &plan.name))?;
        Ok(id)
    }
}

/// Replaces the plan of a schedule.
pub(super) struct Change {
    pub(super) schedule: ScheduleId,
    pub(super) revision: i64,
    pub(super) save: SavePlan,
}

impl WriteCommand for Change {
    type Answer = ();

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        let SavePlan { plan, uploads, next_at, by } = &self.save;
        let found = transaction.find_schedule_at(self.schedule, self.revision)?;
        transaction.check_uploads(uploads)?;
        transaction.execute(
            "update schedule set name = ?, kind = ?, input = ?, priority = ?, expression = ?, zone = ?, overlap = ?,
                missed = ?, missed_most = ?, changed_at = ?, changed_by = ?, revision = revision + 1,
                -- Unless the times themselves are changed: a run may have come due, or been started, meanwhile.
                next_at = case when paused_at is null and expression = ?5 and zone = ?6 then next_at else ?13 end
            where id = ?12",
            params![
                plan.name,
                plan.kind,
                plan.input,
                plan.priority.level(),
                plan.expression,
                plan.zone,
                plan.overlap.as_str(),
                plan.missed.as_str(),
                plan.missed.most().max(1),
                transaction.now.0,
                by.name,
                self.schedule.0,
                next_at.map(|at| at.0)
            ],
        )?;
        transaction.execute("delete from schedule_upload where schedule = ?", [self.schedule.0])?;
        transaction.refer_to_uploads(self.schedule, uploads)?;
        transaction.record_schedule_event(found.id, &found.kind, &found.owner);
        transaction.audit(by, "schedule_changed", None, &named(self.schedule, &plan.name))
    }
}

/// Pauses a schedule.
pub(super) struct Pause {
    pub(super) schedule: ScheduleId,
    pub(super) by: Attribution,
}

impl WriteCommand for Pause {
    type Answer = ();

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        let found = transaction.find_schedule(self.schedule)?;
        // The first user to pause it stays recorded.
        if found.paused {
            return Ok(());
        }
        transaction.pause_schedule(&found, Some(&self.by.name), "")?;
        transaction.audit(&self.by, "schedule_paused", None, &named(found.id, &found.name))
    }
}

/// Pauses a schedule on the engine's own account.
pub(super) struct Stop {
    pub(super) schedule: ScheduleId,
    pub(super) revision: i64,
    pub(super) why: String,
}

impl WriteCommand for Stop {
    type Answer = ();

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        let found = match transaction.find_schedule(self.schedule) {
            Ok(found) if found.revision == self.revision && !found.paused => found,
            Ok(_) | Err(Error::NoSuchSchedule(_)) => return Ok(()),
            Err(error) => return Err(error),
        };
        transaction.pause_schedule(&found, None, &self.why)?;
        tracing::warn!(schedule = found.id.0, name = found.name, why = self.why, "schedule paused by the engine");
        let detail = format!("{}: {}", named(found.id, &found.name), self.why);
        transaction.audit(&found.as_author(), "schedule_stopped", None, &detail)
    }
}

/// Resumes a schedule.
pub(super) struct Resume {
    pub(super) schedule: ScheduleId,
    pub(super) revision: i64,
    pub(super) next_at: Option<Micros>,
    pub(super) by: Attribution,
}

impl WriteCommand for Resume {
    type Answer = ();

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        let found = transaction.find_schedule_at(self.schedule, self.revision)?;
        if !found.paused {
            return Ok(());
        }
        transaction.execute(
            "update schedule set paused_at = null, paused_by = null, paused_why = '', next_at = ?,
                changed_at = ?, changed_by = ?, revision = revision + 1
            where id = ?",
            params![self.next_at.map(|at| at.0), transaction.now.0, self.by.name, self.schedule.0],
        )?;
        transaction.record_schedule_event(found.id, &found.kind, &found.owner);
        transaction.audit(&self.by, "schedule_resumed", None, &named(found.id, &found.name))
    }
}

/// Deletes a schedule. Its jobs stay.
pub(super) struct Delete {
    pub(super) schedule: ScheduleId,
    pub(super) revision: Option<i64>,
    pub(super) by: Attribution,
}

impl WriteCommand for Delete {
    type Answer = ();

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        let found = match self.revision {
            Some(revision) => transaction.find_schedule_at(self.schedule, revision)?,
            None => transaction.find_schedule(self.schedule)?,
        };
        transaction.execute("delete from schedule where id = ?", [self.schedule.0])?;
        transaction.record_schedule_event(found.id, &found.kind, &found.owner);
        transaction.audit(&self.by, "schedule_deleted", None, &named(found.id, &found.name))
    }
}

impl Transaction<'_> {
    fn check_schedule_count(&self, owner: &str) -> Result<()> {
        let sql = "select coalesce(sum(owner = ?), 0), count(*) from schedule";
        let counts = self.row(sql, [owner], |row| Ok((row.get::<_, i64>(0)? as u64, row.get::<_, i64>(1)? as u64)))?;
        let (own, all) = counts.unwrap_or_default();
        check_schedule_count(owner, own, all)
    }

    /// Pauses a schedule and skips its waiting runs.
    fn pause_schedule(&mut self, found: &Found, by: Option<&str>, why: &str) -> Result<()> {
        let waiting = self.waiting_runs(found.id)?;
        self.execute(
            "update schedule set paused_at = ?, paused_by = ?, paused_why = ?, revision = revision + 1 where id = ?",
            params![self.now.0, by, why, found.id.0],
        )?;
        self.execute("delete from schedule_wait where schedule = ?", [found.id.0])?;
        if let Some(skip) = skipped_by_pause(&waiting) {
            self.record_skip(found.id, skip, None)?;
        }
        self.record_schedule_event(found.id, &found.kind, &found.owner);
        Ok(())
    }

    /// Refuses uploads that do not exist.
    fn check_uploads(&self, uploads: &[String]) -> Result<()> {
        for upload in uploads {
            if self.row("select 1 from upload where id = ?", [upload], |_| Ok(()))?.is_none() {
                return Err(Error::NoSuchUpload(upload.clone()));
            }
        }
        Ok(())
    }

    /// Makes a schedule refer to uploads, which keeps them.
    fn refer_to_uploads(&self, schedule: ScheduleId, uploads: &[String]) -> Result<()> {
        for upload in uploads {
            self.execute(
                "insert into schedule_upload (schedule, upload) values (?, ?) on conflict do nothing",
                params![schedule.0, upload],
            )?;
        }
        Ok(())
    }
}

/// The name of a schedule in the audit log.
fn named(id: ScheduleId, name: &str) -> String {
    format!("{name} (schedule {id})")
}
