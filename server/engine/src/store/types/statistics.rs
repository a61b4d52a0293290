//! Statistics: past runs, hours, kinds and bytes used.

use model::{JobId, JobState, Micros};

use crate::Curve;

/// A successful run, for estimates of later ones.
#[derive(Clone, Debug, Default)]
pub struct PastRun {
    /// How long it took.
    pub seconds: f64,
    /// Seconds spent in each stage, where there are stages.
    pub stage_seconds: Vec<f64>,
    /// Progress over time; empty if it was too short for one.
    pub curve: Curve,
    /// Its input, unless that is large.
    pub input: Option<String>,
}

/// The jobs that ended in one hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HourBucket {
    /// Start of the hour, UTC.
    pub hour: Micros,
    /// Succeeded.
    pub succeeded: u64,
    /// Failed or interrupted.
    pub failed: u64,
    /// Cancelled.
    pub cancelled: u64,
}

/// Statistics of a kind.
#[derive(Clone, Debug)]
pub struct KindStats {
    /// The kind.
    pub kind: String,
    /// All jobs of it.
    pub total: u64,
    /// Running now.
    pub running: u64,
    /// Up to 20 last ended runs, oldest first: job, final state, seconds.
    pub last: Vec<(JobId, JobState, f64)>,
    /// Median seconds of recent successful runs.
    pub usual_seconds: Option<f64>,
    /// Ninth decile of the seconds of recent successful runs.
    pub slow_seconds: Option<f64>,
    /// Succeeded among succeeded + failed + interrupted, 0 to 1, of recent runs.
    pub success_rate: Option<f64>,
}

/// Bytes used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// The database with its write-ahead log.
    pub database: u64,
    /// Job files.
    pub artifacts: u64,
    /// Uploaded files.
    pub uploads: u64,
    /// The database of imported tables.
    pub imports: u64,
}
