//! The rhythm of a run that goes in bursts with pauses between them, where those are about as long each time.

/// Shorter silences are no pauses, seconds: looks at a job are half a second apart.
const SHORTEST_PAUSE: f64 = 1.2;
/// Nor are those that last for less than this share of what is usual.
const OF_USUAL: f64 = 0.5;
/// Pauses, bursts and what is gained in them may differ by so much, as a standard deviation over the mean …
const REGULAR: f64 = 0.4;
/// … and what is gained is taken to differ by so much at least.
const LEAST: f64 = 0.05;
/// What is less than this part of a burst belongs to the one before.
const WHOLE: f64 = 0.02;
/// How many bursts and pauses of its own make a run as sure of them as earlier runs do.
const KNOWN: f64 = 2.0;

/// How long a burst and a pause take in a run, or in the runs of a kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lengths {
    /// Of a burst, seconds.
    pub burst: f64,
    /// Of a pause, seconds.
    pub pause: f64,
}

/// Listens for the rhythm of one run.
#[derive(Clone, Debug)]
pub struct Rhythm {
    /// That of earlier runs.
    known: Option<Lengths>,
    pauses: Sample,
    bursts: Sample,
    /// Gained in each.
    gains: Sample,
    /// When the last pause ended, seconds into the run, and what had been gained by then; `None` before the first.
    ended: Option<(f64, f64)>,
    seconds: f64,
    gained: f64,
    /// The shortest time between two steps, seconds.
    shortest: f64,
}

/// How a run goes on that keeps its rhythm.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beat {
    lengths: Lengths,
    /// Gained in a burst …
    gain: f64,
    /// … and the relative standard error of that.
    pub(crate) error: f64,
    /// Seconds since the last burst began.
    since: f64,
}

impl Rhythm {
    /// Nothing heard yet of a run, whose kind has a rhythm that is `known` or not.
    pub fn new(known: Option<Lengths>) -> Self {
        Self {
            known,
            pauses: Sample::default(),
            bursts: Sample::default(),
            gains: Sample::default(),
            ended: None,
            seconds: 0.0,
            gained: 0.0,
            shortest: f64::INFINITY,
        }
    }

    /// Takes note of a step forward, `silence` seconds after the one before; in a run that is used to silences of `usual`
    /// seconds.
    pub fn saw(&mut self, gained: f64, silence: f64, usual: f64) {
        if silence > 0.0 {
            self.shortest = self.shortest.min(silence);
        }
        self.seconds += silence;
        if silence > SHORTEST_PAUSE.max(usual * OF_USUAL) {
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

    /// How long bursts and pauses take; `None` before two bursts between pauses, and where they differ.
    pub fn lengths(&self) -> Option<Lengths> {
        self.regular(2.0)
    }

    /// How it goes on; `None` before two pauses, or the first where earlier runs had a rhythm, and where they differ.
    pub(crate) fn beat(&self) -> Option<Beat> {
        let since = self.seconds - self.ended?.0;
        let lengths = match self.known {
            Some(known) => {
                Lengths { burst: self.bursts.mean_with(known.burst), pause: self.pauses.mean_with(known.pause) }
            }
            None => self.regular(1.0)?,
        };
        let worked = self.seconds - self.pauses.sum;
        let gain = self.gained / worked * lengths.burst;
        let error = self.gains.differ().max(LEAST) / self.gains.count.max(1.0).sqrt();
        (worked > 0.0 && gain > 0.0).then_some(Beat { lengths, gain, error, since })
    }

    /// How long bursts and pauses take, where they have been about alike in so many bursts at least.
    fn regular(&self, least: f64) -> Option<Lengths> {
        let is_regular = [self.bursts, self.pauses, self.gains].iter().all(|sample| sample.differ() < REGULAR);
        let lengths = Lengths { burst: self.bursts.mean(), pause: self.pauses.mean() };
        (self.bursts.count >= least && lengths.burst > 0.0 && is_regular).then_some(lengths)
    }
}

impl Beat {
    /// Gained per second, pauses included.
    pub(crate) fn speed(&self) -> f64 {
        self.gain / (self.lengths.burst + self.lengths.pause)
    }

    /// Seconds from the last step until so much more is gained, which is in a burst.
    pub(crate) fn until(&self, left: f64) -> f64 {
        let Lengths { burst, pause } = self.lengths;
        let bursts = (self.since / burst).min(1.0) + left / self.gain;
        // Where it comes to whole bursts, it ends with the last one, and not after its pause.
        let before = (bursts - WHOLE).floor().max(0.0);
        before * (burst + pause) + (bursts - before) * burst - self.since
    }
}

/// Numbers, added up.
#[derive(Clone, Copy, Debug, Default)]
struct Sample {
    count: f64,
    sum: f64,
    squares: f64,
}

impl Sample {
    fn add(&mut self, number: f64) {
        self.count += 1.0;
        self.sum += number;
        self.squares += number * number;
    }

    fn mean(&self) -> f64 {
        self.sum / self.count
    }

    /// The mean with that of earlier ones.
    fn mean_with(&self, known: f64) -> f64 {
        (self.sum + KNOWN * known) / (self.count + KNOWN)
    }

    /// The standard deviation over the mean; 0 for none.
    fn differ(&self) -> f64 {
        if self.count == 0.0 {
            0.0
        } else {
            (self.squares / self.count - self.mean().powi(2)).max(0.0).sqrt() / self.mean()
        }
    }
}
