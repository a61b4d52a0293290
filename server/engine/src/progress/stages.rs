//! Stages: how the stages of an attempt share its progress bar.

use model::Stage;

/// Where each stage starts in the whole attempt.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stages {
    names: &'static [&'static str],
    starts: Vec<f64>,
}

/// Share of a stage for which history has no duration: its milepost needs room.
const SMALLEST_SHARE: f64 = 0.02;

impl Stages {
    /// Stages that share the bar by `weights`; equally if those are invalid.
    pub(crate) fn new(names: &'static [&'static str], weights: &[f64]) -> Self {
        let usable = weights.len() == names.len() && weights.iter().all(|w| w.is_finite() && *w >= 0.0);
        let sum: f64 = if usable { weights.iter().sum() } else { 0.0 };
        let share = |index: usize| {
            if sum > 0.0 { (weights[index] / sum).max(SMALLEST_SHARE) } else { 1.0 }
        };
        let total: f64 = (0..names.len()).map(share).sum();
        let mut start = 0.0;
        let mut starts = Vec::with_capacity(names.len());
        for index in 0..names.len() {
            starts.push(start);
            start += share(index) / total;
        }
        Self { names, starts }
    }

    /// Number of stages; 0 for a task without stages.
    pub(crate) fn count(&self) -> usize {
        self.names.len()
    }

    /// The stage as shown to users; `None` if there is no such stage.
    pub(crate) fn shown(&self, index: usize) -> Option<Stage> {
        let name = (*self.names.get(index)?).to_owned();
        Some(Stage { index: index as u32, count: self.names.len() as u32, name, starts: self.starts.clone() })
    }

    /// Fraction of the whole when `value` of `max` is done in stage `index`; `None` if unknown.
    pub(crate) fn fraction(&self, index: Option<usize>, value: u64, max: Option<u64>) -> Option<f64> {
        let inside = max.map(|max| if max == 0 { 1.0 } else { (value as f64 / max as f64).min(1.0) });
        if self.names.is_empty() {
            return inside;
        }
        let index = index?;
        let start = *self.starts.get(index)?;
        let end = self.starts.get(index + 1).copied().unwrap_or(1.0);
        match inside {
            Some(inside) => Some(start + (end - start) * inside),
            // The earlier stages are complete, even if the length of this one is unknown.
            None => (index > 0).then_some(start),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: &[&str] = &["Scan", "Hash", "Write"];

    #[test]
    fn stages_are_weighted() {
        let stages = Stages::new(NAMES, &[1.0, 8.0, 1.0]);
        let starts = stages.shown(0).expect("first stage").starts;
        assert!(starts.iter().zip([0.0, 0.1, 0.9]).all(|(a, b)| (a - b).abs() < 1e-9), "{starts:?}");
        let half = stages.fraction(Some(1), 50, Some(100)).expect("known");
        assert!((half - 0.5).abs() < 1e-9, "{half}");
    }

    #[test]
    fn invalid_weights_are_equal_shares() {
        for weights in [&[][..], &[1.0], &[f64::NAN, 1.0, 1.0], &[0.0, 0.0, 0.0]] {
            let starts = Stages::new(NAMES, weights).shown(0).expect("first stage").starts;
            assert!((starts[1] - 1.0 / 3.0).abs() < 1e-9, "{weights:?}: {starts:?}");
        }
    }

    #[test]
    fn stage_without_total_is_at_0() {
        let stages = Stages::new(NAMES, &[]);
        assert_eq!(stages.fraction(None, 5, Some(10)), None);
        assert_eq!(stages.fraction(Some(0), 5, None), None);
        assert_eq!(stages.fraction(Some(1), 5, None), Some(1.0 / 3.0));
    }

    #[test]
    fn zero_total_is_complete() {
        assert_eq!(Stages::default().fraction(None, 0, Some(0)), Some(1.0));
    }
}
