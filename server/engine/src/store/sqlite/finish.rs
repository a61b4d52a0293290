//! Ending attempts: a batch is one round trip, and each row of it stands or falls by its own fence.

use std::collections::{HashMap, HashSet};

use model::{Event, JobId, JobState, JobView};
use serde::Serialize;

use super::{
    error::corrupt,
    row::{ViewRow, json, parse, progress_json, view_column},
    transaction::Transaction,
    writer::Pending,
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
    /// Ends every attempt that still holds its job.
    pub(super) async fn finish(&mut self, calls: &mut [Pending<Finish, JobView>]) -> Result<()> {
        if calls.is_empty() {
            return Ok(());
        }
        let rows = calls.iter().map(|call| row(&call.input)).collect::<Result<Vec<_>>>()?;
        let rows = json(&rows)?;
        let answers: Vec<String> = sqlx::query_scalar(concat!(
            "select json_group_array(job.id)
            from jsonb_each(?) as f cross join job
            where job.id = f.value ->> 'job' and job.attempt = f.value ->> 'attempt'
                and job.boot = f.value ->> 'boot' and job.state = 'running';

            insert into attempt (job, attempt, kind, state, started_at, ended_at, boot,
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
            ") from jsonb_each(?) as f cross join job where job.id = f.value ->> 'job'"
        ))
        .bind(&rows)
        .bind(self.now.0)
        .bind(&rows)
        .bind(self.now.0)
        .bind(&rows)
        .bind(&rows)
        .fetch_all(&mut *self.connection)
        .await?;
        let mut ended = ended(&answers)?;
        for call in calls.iter_mut() {
            let finish = &call.input;
            let Some(view) = ended.remove(&finish.fence.job) else {
                call.answer = Some(Err(Error::Fenced));
                continue;
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

/// The jobs that were held, as they stand now. `answers`: the numbers of those, and the views of all that were named.
fn ended(answers: &[String]) -> Result<HashMap<JobId, JobView>> {
    let [held, views] = answers else {
        return Err(corrupt("the end of attempts", format!("{} answers", answers.len())));
    };
    let held: HashSet<JobId> = parse("the jobs held", held)?;
    let views: Vec<ViewRow> = parse("the jobs ended", views)?;
    let views = views.into_iter().map(JobView::from).filter(|view| held.contains(&view.job));
    Ok(views.map(|view| (view.job, view)).collect())
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
