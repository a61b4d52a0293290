//! Rhythm of a run: bursts and pauses of regular length.

/// Minimum length of a pause, seconds: samples are half a second apart.
const MIN_PAUSE: f64 = 1.2;
/// Minimum length of a pause, as a share of the usual gap.
const MIN_SHARE_OF_USUAL: f64 = 0.5;
/// Maximum relative standard deviation of pauses, bursts and their progress in a rhythm.
const MAX_DEVIATION: f64 = 0.4;
/// Minimum relative standard deviation that is assumed for the progress of a burst.
const MIN_ERROR: f64 = 0.05;
/// A smaller fraction of a burst belongs to the burst before.
const TOLERANCE: f64 = 0.02;
/// Weight of the rhythm of earlier runs, in bursts of the present run.
const PRIOR_WEIGHT: f64 = 2.0;

/// Lengths of a burst and of a pause, in one run or in the runs of a kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lengths {
    /// Length of a burst, seconds.
    pub burst: f64,
    /// Length of a pause, seconds.
    pub pause: f64,
}

/// Detects the rhythm of one run.
#[derive(Clone, Debug)]
pub struct Rhythm {
    /// The rhythm of earlier runs.
    known: Option<Lengths>,
    pauses: RunningStats,
    bursts: RunningStats,
    /// Progress of each burst.
    gains: RunningStats,
    /// End of the last pause: seconds since the start, and progress by then. `None` before the first.
    ended: Option<(f64, f64)>,
    seconds: f64,
    gained: f64,
    /// The shortest gap between two steps, seconds.
    shortest: f64,
}

/// The cycle of burst and pause that a run is expected to keep.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cycle {
    lengths: Lengths,
    /// Progress of a burst.
    gain: f64,
    /// Relative standard error of `gain`.
    pub(crate) error: f64,
    /// Seconds since the last burst began.
    since: f64,
}

impl Rhythm {
    /// Creates a detector; `known` is the rhythm of earlier runs, if they had one.
    pub fn new(known: Option<Lengths>) -> Self {
        Self {
            known,
            pauses: RunningStats::default(),
            bursts: RunningStats::default(),
            gains: RunningStats::default(),
            ended: None,
            seconds: 0.0,
            gained: 0.0,
            shortest: f64::INFINITY,
        }
    }

    /// Records a step of `gained`, `silence` seconds after the last one. `usual` is the usual gap, seconds.
    pub fn observe(&mut self, gained: f64, silence: f64, usual: f64) {
        if silence > 0.0 {
            self.shortest = self.shortest.min(silence);
        }
        self.seconds += silence;
        if silence > MIN_PAUSE.max(usual * MIN_SHARE_OF_USUAL) {
            // The step itself belongs to the burst.
            let pause = silence - self.shortest;
            let now = (self.seconds - self.shortest, self.gained);
            if let Some(before) = self.ended.replace(now) {
                self.bursts.add((now.0 - pause - before.0).max(0.0));
                self.gains.add(now.1 - before.1);
            }
            self.pauses.add(pause);
        }
        self.gained += gained;
    }

    /// Returns the lengths of bursts and pauses; `None` before two complete bursts, or if they are irregular.
    pub fn lengths(&self) -> Option<Lengths> {
        self.regular(2.0)
    }

    /// Returns the expected cycle; `None` before two pauses (one, if earlier runs had a rhythm), or if they are
    /// irregular.
    pub(crate) fn cycle(&self) -> Option<Cycle> {
        let since = self.seconds - self.ended?.0;
        let lengths = match self.known {
            Some(known) => {
                Lengths { burst: self.bursts.mean_with(known.burst), pause: self.pauses.mean_with(known.pause) }
            }
            None => self.regular(1.0)?,
        };
        let worked = self.seconds - self.pauses.sum;
        let gain = self.gained / worked * lengths.burst;
        let error = self.gains.deviation().max(MIN_ERROR) / self.gains.count.max(1.0).sqrt();
        (worked > 0.0 && gain > 0.0).then_some(Cycle { lengths, gain, error, since })
    }

    /// Returns the mean lengths, if at least `least` bursts were regular.
    fn regular(&self, least: f64) -> Option<Lengths> {
        let is_regular = [self.bursts, self.pauses, self.gains].iter().all(|stats| stats.deviation() < MAX_DEVIATION);
        let lengths = Lengths { burst: self.bursts.mean(), pause: self.pauses.mean() };
        (self.bursts.count >= least && lengths.burst > 0.0 && is_regular).then_some(lengths)
    }
}

impl Cycle {
    /// Returns the progress per second, pauses included.
    pub(crate) fn speed(&self) -> f64 {
        self.gain / (self.lengths.burst + self.lengths.pause)
    }

    /// Returns the seconds from the last step until `left` more is done, which is within a burst.
    pub(crate) fn until(&self, left: f64) -> f64 {
        let Lengths { burst, pause } = self.lengths;
        let bursts = (self.since / burst).min(1.0) + left / self.gain;
        // A whole number of bursts ends with the last burst, before its pause.
        let before = (bursts - TOLERANCE).floor().max(0.0);
        before * (burst + pause) + (bursts - before) * burst - self.since
    }
}

/// Mean and deviation of a series of numbers.
#[derive(Clone, Copy, Debug, Default)]
struct RunningStats {
    count: f64,
    sum: f64,
    squares: f64,
}

impl RunningStats {
    fn add(&mut self, number: f64) {
        self.count += 1.0;
        self.sum += number;
        self.squares += number * number;
    }

    fn mean(&self) -> f64 {
        self.sum / self.count
    }

    /// Returns the mean, combined with the mean of earlier runs.
    fn mean_with(&self, known: f64) -> f64 {
        (self.sum + PRIOR_WEIGHT * known) / (self.count + PRIOR_WEIGHT)
    }

    /// Returns the relative standard deviation; 0 without numbers.
    fn deviation(&self) -> f64 {
        if self.count == 0.0 {
            0.0
        } else {
            (self.squares / self.count - self.mean().powi(2)).max(0.0).sqrt() / self.mean()
        }
    }
}
