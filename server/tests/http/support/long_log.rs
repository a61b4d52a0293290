//! Long job logs, written straight into the database because no task could write them in the time of a test.

use std::path::Path;

use crate::support::database::database;

/// Lines of one chunk: as many as the engine stores for a task in 100 ms.
const CHUNK_LINES: u64 = 2_000;

/// The text of a line, as long as those of most programs.
pub(crate) fn line(number: u64) -> String {
    format!("{number} of a log with lines as long as those of most programs, which say what they have done and how")
}

/// Whether a job has succeeded.
pub(crate) fn has_succeeded(data: &Path, job: u64) -> bool {
    database(&data.join("milepost.db"), async |connection| {
        let state = sqlx::query_scalar("select state from job where id = ?").bind(job as i64);
        state.fetch_one(connection).await.is_ok_and(|state: String| state == "succeeded")
    })
}

/// Replaces the log of an ended job by one of `lines` lines.
pub(crate) fn replace_log(data: &Path, job: u64, lines: u64) {
    database(&data.join("milepost.db"), async |connection| {
        let mut transaction = sqlx::Connection::begin(connection).await.unwrap();
        sqlx::query("delete from log where job = ?").bind(job as i64).execute(&mut *transaction).await.unwrap();
        for first in (1..=lines).step_by(CHUNK_LINES as usize) {
            let last = (first + CHUNK_LINES - 1).min(lines);
            let chunk: Vec<_> = (first..=last).map(|number| (1_000_000, 1, line(number))).collect();
            sqlx::query("insert into log values (?, ?, ?, 1, 1, ?)")
                .bind(job as i64)
                .bind(first as i64)
                .bind(last as i64)
                .bind(serde_json::to_string(&chunk).unwrap())
                .execute(&mut *transaction)
                .await
                .unwrap();
        }
        let counted = sqlx::query("update job set log_lines = ? where id = ?").bind(lines as i64).bind(job as i64);
        counted.execute(&mut *transaction).await.unwrap();
        transaction.commit().await.unwrap();
    });
}
