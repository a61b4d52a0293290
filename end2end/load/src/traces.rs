//! Recorder of traces of finished jobs for `make bench-eta`.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use clap::Args;
use engine::{
    Curve,
    store::{ListQuery, SqliteOptions, SqliteStore, Store},
};
use model::{JobState, JobView};

/// Options of the recorder.
#[derive(Args)]
pub(crate) struct Options {
    /// Data directory of the server that ran the jobs
    #[arg(long)]
    data: PathBuf,
    /// Record only jobs of this kind
    #[arg(long)]
    kind: Option<String>,
    /// Folder of the traces, which are named KIND-NUMBER.csv in the order of the jobs
    #[arg(long, default_value = "server/eta/traces")]
    into: PathBuf,
}

/// Writes a trace for each job with a curve that succeeded at the first attempt, at most 200.
pub(crate) fn record(options: &Options) -> Result<()> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let store_options = SqliteOptions { migrate: false, ..SqliteOptions::new(options.data.join("milepost.db")) };
        let store = SqliteStore::open(store_options).await.context("cannot open the database")?;
        let query = ListQuery {
            states: vec![JobState::Succeeded],
            kind: options.kind.clone(),
            limit: 200,
            ..ListQuery::default()
        };
        fs::create_dir_all(&options.into)?;
        let mut numbers: BTreeMap<String, u32> = BTreeMap::new();
        for job in store.page(&query).await?.jobs.into_iter().rev().filter(|job| job.attempt == 1) {
            let (Some(curve), Some(seconds)) = (store.curve(job.job, 1).await?, seconds_of(&job)) else { continue };
            let number = numbers.entry(job.kind.clone()).or_default();
            *number += 1;
            write(&options.into.join(format!("{}-{number}.csv", job.kind)), &job, &curve, seconds)?;
        }
        println!("{numbers:?}");
        Ok(())
    })
}

fn seconds_of(job: &JobView) -> Option<f64> {
    job.ended_at.and_then(|ended| job.ran_for(ended))
}

fn write(path: &Path, job: &JobView, curve: &Curve, seconds: f64) -> Result<()> {
    let mut text = format!(
        "# A real run of `{}`, from its progress history: seconds, stage, share of it done, its work, fraction.\n{},{seconds:.2}\n",
        job.kind,
        curve.works.len()
    );
    for point in &curve.points {
        let stage = point.stage.unwrap_or(0) as usize;
        // The work is known as soon as a share of it is.
        let work = curve.works.get(stage).copied().flatten().filter(|_| point.done.is_some());
        let [done, fraction] =
            [point.done, point.fraction].map(|share| share.map_or("-".to_owned(), |s| s.to_string()));
        let work = work.map_or("-".to_owned(), |work| work.to_string());
        writeln!(text, "{},{stage},{done},{work},{fraction}", point.seconds)?;
    }
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
