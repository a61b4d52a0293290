//! Ending attempts: a batch is one round trip. Each attempt stands or falls by its own fence; where one falls, which is
//! rare, the writer ends the others one by one.

use std::collections::HashMap;

use model::{Event, JobId, JobState, JobView};
use serde::Serialize;

use super::{
    batch::Pending,
    error::corrupt,
    row::{ViewRow, json, parse, progress_json, view_column},
    transaction::Transaction,
};
use crate::{
    Error, Result,
    store::{Finish, Outcome},
};

/// The end of an attempt as the statements read it.
#[derive(Serialize)]
struct Row<'a> {
    job: i64,
    attempt: u32,
    boot: &'a str,
    state: JobState,
    /// 1 where the job waits anew: its next attempt, uncharged, without the traces of this one.
    again: u8,
    code: Option<&'a str>,
    message: Option<&'a str>,
    trace: Option<&'a str>,
    progress: Option<String>,
    stages: Option<String>,
    output: Option<&'a str>,
}

impl Transaction<'_> {
    /// Ends the attempts, which must all still hold their jobs; a single one that does not is answered so.
    pub(super) async fn finish(&mut self, calls: &mut [Pending<Finish, JobView>]) -> Result<()> {
        if calls.is_empty() {
            return Ok(());
        }
        let rows = calls.iter().map(|call| row(&call.input)).collect::<Result<Vec<_>>>()?;
        let rows = json(&rows)?;
        let jobs = json(&calls.iter().map(|call| call.input.fence.job).collect::<Vec<_>>())?;
        let query = sqlx::query(concat!(
            "insert into attempt (job, attempt, kind, state, started_at, ended_at, boot,
                failure_code, failure_message, trace, progress, stage_seconds, output)
            select job.id, job.attempt, job.kind, f.value ->> 'state', job.started_at, ?, job.boot,
                f.value ->> 'code', f.value ->> 'message', f.value ->> 'trace', f.value ->> 'progress',
                f.value ->> 'stages', f.value ->> 'output'
            from jsonb_each(?) as f cross join job
            where job.id = f.value ->> 'job' and job.attempt = f.value ->> 'attempt'
                and job.boot = f.value ->> 'boot' and job.state = 'running';

            update job not indexed set
                state = f.value ->> 'state',
                attempt = attempt + (f.value ->> 'again'),
                charged = charged - (f.value ->> 'again'),
                boot = null,
                started_at = iif(f.value ->> 'again', null, started_at),
                ended_at = iif(f.value ->> 'again', null, ?),
                cancel_requested_at = iif(f.value ->> 'again', null, cancel_requested_at),
                cancel_requested_by = iif(f.value ->> 'again', null, cancel_requested_by),
                not_responding = 0,
                failure_code = f.value ->> 'code',
                failure_message = f.value ->> 'message',
                progress = iif(f.value ->> 'again', null, f.value ->> 'progress')
            from jsonb_each(?) as f
            where job.id = f.value ->> 'job' and job.attempt = f.value ->> 'attempt'
                and job.boot = f.value ->> 'boot' and job.state = 'running';

            select json_group_array(",
            view_column!(),
            ") from json_each(?) as f cross join job where job.id = f.value"
        ))
        .bind(self.now.0)
        .bind(&rows)
        .bind(self.now.0)
        .bind(&rows)
        .bind(&jobs);
        let (answers, changes) = self.run(query).await?;
        if changes.get(1) != Some(&(calls.len() as u64)) {
            let [call] = calls else {
                // Some worker is stale. The writer goes back and asks one by one, which tells who.
                return Err(Error::Fenced);
            };
            call.answer = Some(Err(Error::Fenced));
            return Ok(());
        }
        let mut ended = ended(&answers)?;
        for call in calls.iter_mut() {
            let finish = &call.input;
            let Some(view) = ended.remove(&finish.fence.job) else {
                return Err(corrupt("the end of attempts", format!("job {} is not among them", finish.fence.job)));
            };
            self.moved(Some(JobState::Running), view.clone(), code(finish, &view));
            call.answer = Some(Ok(view));
        }
        self.publish(calls).await
    }

    /// Makes the artifacts of the attempts that have just ended visible.
    async fn publish(&mut self, calls: &[Pending<Finish, JobView>]) -> Result<()> {
        let ended = calls.iter().filter(|call| matches!(call.answer, Some(Ok(_))));
        let kept = ended.filter(|call| !matches!(call.input.outcome, Outcome::HandedBack));
        let mut rows = Vec::new();
        for call in kept {
            let fence = &call.input.fence;
            for artifact in &call.input.artifacts {
                self.ledger.artifact_bytes += artifact.size as i64;
                rows.push((fence.job, fence.attempt, &artifact.name, artifact.size, artifact.at));
            }
        }
        if rows.is_empty() {
            return Ok(());
        }
        sqlx::query(
            "insert into artifact (job, attempt, name, size, at)
            select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 from jsonb_each(?)",
        )
        .bind(json(&rows)?)
        .execute(&mut *self.connection)
        .await?;
        Ok(())
    }
}

/// The jobs as they stand now.
fn ended(answers: &[String]) -> Result<HashMap<JobId, JobView>> {
    let [views] = answers else {
        return Err(corrupt("the end of attempts", format!("{} answers", answers.len())));
    };
    let views: Vec<ViewRow> = parse("the jobs ended", views)?;
    Ok(views.into_iter().map(JobView::from).map(|view| (view.job, view)).collect())
}

fn row(finish: &Finish) -> Result<Row<'_>> {
    let (event, failure, trace, output) = match &finish.outcome {
        Outcome::Succeeded { output } => (Event::Succeed, None, None, Some(output.as_str())),
        Outcome::Failed { failure, trace } => (Event::Fail, Some(failure), Some(trace), None),
        Outcome::Cancelled { failure, trace } => (Event::Cancel, failure.as_ref(), Some(trace), None),
        Outcome::HandedBack => (Event::HandBack, None, None, None),
    };
    let state = JobState::Running.apply(event).map_err(|error| corrupt("the end of an attempt", error))?;
    let stages = (!finish.stage_seconds.is_empty()).then(|| json(&finish.stage_seconds)).transpose()?;
    Ok(Row {
        job: finish.fence.job.0,
        attempt: finish.fence.attempt,
        boot: &finish.fence.boot.0,
        state,
        again: u8::from(event.starts_new_attempt(JobState::Running)),
        code: failure.map(|failure| failure.code.as_str()),
        message: failure.map(|failure| failure.message.as_str()),
        trace: trace.map(String::as_str).filter(|trace| !trace.is_empty()),
        progress: progress_json(&finish.progress)?,
        stages,
        output,
    })
}

/// What the event says happened: the error's code, else the state reached.
fn code(finish: &Finish, view: &JobView) -> String {
    match &finish.outcome {
        Outcome::HandedBack => "handed_back".to_owned(),
        Outcome::Succeeded { .. } | Outcome::Failed { .. } | Outcome::Cancelled { .. } => {
            view.failure.as_ref().map_or_else(|| view.state.as_str().to_owned(), |failure| failure.code.clone())
        }
    }
}
