//! Accepting jobs: a batch is two statements, however many jobs it holds.

use std::collections::HashSet;

use model::{JobId, JobState, JobView};

use super::{batch::Pending, row::json, transaction::Transaction};
use crate::{Error, Result, store::NewJob};

impl Transaction<'_> {
    /// Accepts every job whose uploads exist.
    pub(super) async fn enqueue(&mut self, calls: &mut [Pending<NewJob, JobId>]) -> Result<()> {
        if calls.is_empty() {
            return Ok(());
        }
        let uploads = self.known_uploads(calls).await?;
        // One for all of them: their numbers say the rest.
        let in_line = self.end_of_line();
        let (mut jobs, mut inputs, mut uses, mut repeats) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for call in calls {
            let new = &call.input;
            if let Some(unknown) = new.uploads.iter().find(|id| !uploads.contains(*id)) {
                call.answer = Some(Err(Error::NoSuchUpload(unknown.clone())));
                continue;
            }
            self.ledger.last_job += 1;
            let id = JobId(self.ledger.last_job);
            let state = if new.run_at.is_some_and(|at| at > self.now) { JobState::Scheduled } else { JobState::Queued };
            jobs.push((id, &new.kind, &new.title, &new.by, new.max_attempts, new.rerun_of, state, new.run_at));
            inputs.push((id, &new.input));
            uses.extend(new.uploads.iter().map(|upload| (id, upload)));
            repeats.extend(new.rerun_of.map(|original| (original, id, &new.by)));
            self.count_kind(&new.kind, 1);
            self.moved(None, view_of(new, id, state, self.now), "created");
            call.answer = Some(Ok(id));
        }
        sqlx::query(
            "insert into job (id, kind, title, created_by, created_at, in_line, max_attempts, rerun_of, state, run_at)
            select value ->> 0, value ->> 1, value ->> 2, value ->> 3, ?, ?,
                value ->> 4, value ->> 5, value ->> 6, value ->> 7
            from jsonb_each(?);

            insert into job_input (job, input)
            select value ->> 0, value ->> 1 from jsonb_each(?)",
        )
        .bind(self.now.0)
        .bind(in_line)
        .bind(json(&jobs)?)
        .bind(json(&inputs)?)
        .execute(&mut *self.connection)
        .await?;
        if !uses.is_empty() {
            sqlx::query(
                "insert into upload_use (job, upload)
                select value ->> 0, value ->> 1 from jsonb_each(?) where true
                on conflict do nothing",
            )
            .bind(json(&uses)?)
            .execute(&mut *self.connection)
            .await?;
        }
        if !repeats.is_empty() {
            self.note_repeats(json(&repeats)?).await?;
        }
        Ok(())
    }

    /// Which of the uploads that are named exist.
    async fn known_uploads(&mut self, calls: &[Pending<NewJob, JobId>]) -> Result<HashSet<String>> {
        let named: Vec<&String> = calls.iter().flat_map(|call| &call.input.uploads).collect();
        if named.is_empty() {
            return Ok(HashSet::new());
        }
        let known = sqlx::query_scalar("select id from upload where id in (select value from json_each(?))")
            .bind(json(&named)?)
            .fetch_all(&mut *self.connection)
            .await?;
        Ok(known.into_iter().collect())
    }

    /// Tells the originals, where they still exist, that they have been repeated. `repeats`: original, new job, by whom.
    async fn note_repeats(&mut self, repeats: String) -> Result<()> {
        sqlx::query(
            "update job set repeated_by = newest.job
            from (select value ->> 0 as original, max(value ->> 1) as job from json_each(?) group by 1) as newest
            where job.id = newest.original;

            insert into activity (job, at, what, attempt, by, detail)
            select job.id, ?, 'repeated', job.attempt, repeat.value ->> 2, '#' || (repeat.value ->> 1)
            from json_each(?) as repeat cross join job
            where job.id = repeat.value ->> 0",
        )
        .bind(&repeats)
        .bind(self.now.0)
        .bind(&repeats)
        .execute(&mut *self.connection)
        .await?;
        Ok(())
    }
}

fn view_of(new: &NewJob, job: JobId, state: JobState, now: model::Micros) -> JobView {
    let accepted = JobView::new(job, &new.kind, &new.title, &new.by, now);
    JobView { state, run_at: new.run_at, max_attempts: new.max_attempts, rerun_of: new.rerun_of, ..accepted }
}
