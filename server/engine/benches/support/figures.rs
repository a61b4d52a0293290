//! Median of several rounds, with their spread.

use std::fmt;

/// Median, minimum and maximum of several rounds.
pub(crate) struct Figures {
    median: f64,
    least: f64,
    most: f64,
}

impl Figures {
    /// Computes the figures of at least one round.
    pub(crate) fn of(mut rounds: Vec<f64>) -> Self {
        rounds.sort_by(f64::total_cmp);
        Self { median: rounds[rounds.len() / 2], least: rounds[0], most: rounds[rounds.len() - 1] }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(0);
        write!(f, "{:.digits$} ({:.digits$} to {:.digits$})", self.median, self.least, self.most)
    }
}
