//! How long a run is used to say nothing.

/// Shorter silences are never called a stall, seconds: looks at a job are half a second apart.
const SHORTEST_STALL: f64 = 2.0;
/// A silence is a stall once it is this many times as long as what has been seen often.
const FACTOR: f64 = 3.0;
/// What has been seen this often is usual.
const OFTEN: usize = 3;

/// So has what has been seen twice, as long but for this factor.
const ALIKE: f64 = 1.3;

/// The longest silences between two steps forward of one run.
#[derive(Clone, Debug, Default)]
pub struct Gaps {
    /// Longest first, seconds.
    longest: [f64; OFTEN],
}

impl Gaps {
    /// Takes note of a silence of so many seconds that is over.
    pub fn saw(&mut self, seconds: f64) {
        if let Some(place) = self.longest.iter().position(|known| seconds > *known) {
            self.longest[place..].rotate_right(1);
            self.longest[place] = seconds;
        }
    }

    /// A silence that has come several times, seconds: a run that works in bursts is used to its pauses, and one stall is
    /// no habit.
    pub fn usual(&self) -> f64 {
        let alike = self.longest[0] < self.longest[1] * ALIKE;
        if alike { self.longest[1] } else { self.longest[OFTEN - 1] }
    }

    /// Seconds after which a silence is a stall; `known` is what earlier runs were used to.
    pub fn stall_after(&self, known: f64) -> f64 {
        (self.usual().max(known) * FACTOR).max(SHORTEST_STALL)
    }
}
