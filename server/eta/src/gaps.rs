//! Gaps between the steps of a run, and the length from which on a gap is a stall.

/// Minimum length of a stall, seconds: samples are half a second apart.
const MIN_STALL: f64 = 2.0;
/// A gap is a stall if it is longer than this multiple of the usual gap.
const FACTOR: f64 = 3.0;
/// Number of longest gaps that are kept; the shortest of them is usual.
const KEPT: usize = 3;
/// Two gaps within this factor are usual, too.
const ALIKE: f64 = 1.3;

/// The longest gaps between two steps of one run.
#[derive(Clone, Debug, Default)]
pub struct Gaps {
    /// In descending order, seconds.
    longest: [f64; KEPT],
}

impl Gaps {
    /// Records a finished gap of `seconds`.
    pub fn observe(&mut self, seconds: f64) {
        if let Some(place) = self.longest.iter().position(|known| seconds > *known) {
            self.longest[place..].rotate_right(1);
            self.longest[place] = seconds;
        }
    }

    /// Returns the usual gap, seconds: one that occurred several times. The pauses of a run in bursts are usual; a
    /// single stall is not.
    pub fn usual(&self) -> f64 {
        let alike = self.longest[0] < self.longest[1] * ALIKE;
        if alike { self.longest[1] } else { self.longest[KEPT - 1] }
    }

    /// Returns the length of a gap, in seconds, from which on it is a stall; `known` is the usual gap of earlier runs.
    pub fn stall_after(&self, known: f64) -> f64 {
        (self.usual().max(known) * FACTOR).max(MIN_STALL)
    }
}
