//! Logs longer than what a task would write in the time of a test.

use std::path::Path;

use crate::database::database;

/// Lines of one write, as many as the engine keeps of a task in a tenth of a second.
const WRITTEN: u64 = 2_000;

/// The text of a line.
pub(crate) fn line(number: u64) -> String {
    format!("{number} of a log with lines as long as those of most programs, which say what they have done and how")
}

/// Whether a job has succeeded.
pub(crate) fn is_over(data: &Path, job: u64) -> bool {
    database(&data.join("milepost.db"), async |connection| {
        let state = sqlx::query_scalar("select state from job where id = ?").bind(job as i64);
        state.fetch_one(connection).await.is_ok_and(|state: String| state == "succeeded")
    })
}

/// Puts a log of so many lines in the place of that of a job that is over.
pub(crate) fn write(data: &Path, job: u64, lines: u64) {
    database(&data.join("milepost.db"), async |connection| {
        let mut transaction = sqlx::Connection::begin(connection).await.unwrap();
        sqlx::query("delete from log where job = ?").bind(job as i64).execute(&mut *transaction).await.unwrap();
        for first in (1..=lines).step_by(WRITTEN as usize) {
            let last = (first + WRITTEN - 1).min(lines);
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
