//! Writes down how finished jobs went, for `make bench-eta`.

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

/// What to record, and where.
#[derive(Args)]
pub(crate) struct Wish {
    /// The data directory of the server that ran them
    #[arg(long)]
    data: PathBuf,
    /// Only jobs of this kind
    #[arg(long)]
    kind: Option<String>,
    /// Where the traces go, as KIND-NUMBER.csv in the order in which the jobs ran
    #[arg(long, default_value = "server/eta/traces")]
    into: PathBuf,
}

/// Writes a trace for each job that succeeded at the first attempt and took more than a moment: 200 at most.
pub(crate) fn record(wish: &Wish) -> Result<()> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let options = SqliteOptions { migrate: false, ..SqliteOptions::new(wish.data.join("milepost.db")) };
        let store = SqliteStore::open(options).await.context("cannot open the database")?;
        let query = ListQuery {
            states: vec![JobState::Succeeded],
            kind: wish.kind.clone(),
            limit: 200,
            ..ListQuery::default()
        };
        fs::create_dir_all(&wish.into)?;
        let mut numbers: BTreeMap<String, u32> = BTreeMap::new();
        for job in store.page(&query).await?.jobs.into_iter().rev().filter(|job| job.attempt == 1) {
            let (Some(curve), Some(seconds)) = (store.curve(job.job, 1).await?, seconds_of(&job)) else { continue };
            let number = numbers.entry(job.kind.clone()).or_default();
            *number += 1;
            write(&wish.into.join(format!("{}-{number}.csv", job.kind)), &job, &curve, seconds)?;
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
        // What there was to do is known as soon as a share of it is.
        let work = curve.works.get(stage).copied().flatten().filter(|_| point.done.is_some());
        let [done, fraction] =
            [point.done, point.fraction].map(|share| share.map_or("-".to_owned(), |s| s.to_string()));
        let work = work.map_or("-".to_owned(), |work| work.to_string());
        writeln!(text, "{},{stage},{done},{work},{fraction}", point.seconds)?;
    }
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
