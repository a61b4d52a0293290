//! Synthetic runs, generated from a seed.
//!
//! The model of a *kind* is random: its speed, its changes of pace, its stalls. Each run of the kind has a random size
//! (a factor of e^±0.5), a random speed (e^±0.15: a busy machine, a slow disk), and noise in the speed that lasts some
//! seconds (a first-order autoregressive process, standard deviation 0.15). A run reports two times a second.

use eta::Sample;

use super::trace::Trace;

/// Seconds between two samples.
const INTERVAL: f64 = 0.5;

/// Standard deviation of the logarithm of the speed.
const NOISE: f64 = 0.15;

/// The shape of a kind's pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Constant.
    Steady,
    /// Several times faster or slower from one point on.
    TwoPhase,
    /// One or two long stalls in half of the runs.
    Stall,
    /// Bursts with pauses at regular times: flushes, quotas, a slow reader.
    Bursty,
    /// Pauses at the same positions of the work in all runs: large files, commits, months.
    Batches,
    /// A slow start of the same length for all sizes: cold caches.
    SlowStart,
}

impl Shape {
    /// All shapes.
    pub(crate) const ALL: [Self; 6] =
        [Self::Steady, Self::TwoPhase, Self::Stall, Self::Bursty, Self::Batches, Self::SlowStart];

    /// The name in the table.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Steady => "steady",
            Self::TwoPhase => "two-phase",
            Self::Stall => "stall",
            Self::Bursty => "bursty",
            Self::Batches => "batches",
            Self::SlowStart => "slow start",
        }
    }
}

/// Deterministic random numbers (splitmix64, by Steele, Lea and Flood).
struct Rng(u64);

impl Rng {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// Returns an approximately normal number, mean 0 and deviation 1: the sum of twelve uniform ones, less six.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

/// The properties that all runs of a kind share.
struct Model {
    shape: Shape,
    /// Duration of a usual run at full speed, seconds.
    usual: f64,
    /// Position of the change of pace, as a share of the work, and its factor.
    change: (f64, f64),
    /// Lengths of a burst and of its pause, seconds.
    burst: (f64, f64),
    /// Ends of the batches, as shares of the work, and the pauses after them, as shares of the time.
    batches: Vec<(f64, f64)>,
    /// Length of the slow start, seconds, and its speed.
    start: (f64, f64),
}

impl Model {
    fn random(shape: Shape, rng: &mut Rng) -> Self {
        let usual = rng.between(120.0, 900.0);
        let factor = rng.between(2.5, 6.0);
        let (bursts, pause) = (4.0 * 10.0_f64.powf(rng.uniform()), rng.between(0.3, 0.7));
        Self {
            shape,
            usual,
            change: (rng.between(0.25, 0.75), if rng.uniform() < 0.5 { factor } else { 1.0 / factor }),
            burst: (usual / bursts * pause, usual / bursts * (1.0 - pause)),
            batches: (0..4 + (rng.uniform() * 9.0) as usize)
                .map(|_| (rng.between(0.03, 0.97), rng.between(0.03, 0.2)))
                .collect(),
            start: (usual * rng.between(0.15, 0.4), rng.between(0.1, 0.25)),
        }
    }

    /// Returns the work per second after `worked` seconds without stalls, with a share `done` of the work done.
    fn speed(&self, worked: f64, done: f64, change_at: f64, phase: f64) -> f64 {
        match self.shape {
            Shape::Steady | Shape::Stall | Shape::Batches => 1.0,
            Shape::TwoPhase => {
                if done < change_at {
                    1.0
                } else {
                    self.change.1
                }
            }
            Shape::Bursty => {
                let (work, pause) = self.burst;
                if (worked + phase).rem_euclid(work + pause) < work { (work + pause) / work } else { 0.0 }
            }
            Shape::SlowStart => {
                let (seconds, slow) = self.start;
                slow + (1.0 - slow) * (worked / seconds).powi(2).min(1.0)
            }
        }
    }
}

/// Generates a run of a kind from `seed`, and `earlier` runs of the same kind.
pub(crate) fn runs(shape: Shape, seed: u64, earlier: usize) -> (Trace, Vec<Trace>) {
    let mut rng = Rng(seed.wrapping_mul(1_000_003) ^ (shape as u64) << 40);
    let model = Model::random(shape, &mut rng);
    let before = (0..earlier).map(|_| run(&model, &mut rng, false)).collect();
    (run(&model, &mut rng, true), before)
}

/// Generates a run. A scored run of the shape `Stall` always has a stall.
fn run(model: &Model, rng: &mut Rng, scored: bool) -> Trace {
    let size = (rng.normal() * 0.5).clamp(-1.0, 1.0).exp();
    let speed = (rng.normal() * 0.15).exp();
    // A unit is the work of a hundredth of a second.
    let work = (model.usual * size * 100.0).round();
    let change_at = model.change.0 + rng.normal() * 0.03;
    let phase = rng.between(0.0, model.burst.0 + model.burst.1);
    let stalls = if model.shape == Shape::Stall && (scored || rng.uniform() < 0.5) {
        1 + usize::from(rng.uniform() < 0.4)
    } else {
        0
    };
    let mut stalls: Vec<(f64, f64)> = (0..stalls)
        .map(|_| (rng.between(0.05, if scored { 0.4 } else { 0.9 }), model.usual * size * rng.between(0.15, 0.5)))
        .collect();
    if model.shape == Shape::Batches {
        let noisy = model.batches.iter().map(|(place, pause)| {
            (place + rng.normal() * 0.003, model.usual * size / speed * pause * (rng.normal() * 0.15).exp())
        });
        stalls.extend(noisy.collect::<Vec<_>>());
    }
    let mut trace = Trace { stages: 1, ..Trace::default() };
    let (mut now, mut worked, mut value, mut noise) = (0.0, 0.0, 0.0, 0.0);
    while value < work {
        let done: f64 = (value / work).min(1.0);
        trace.samples.push(Sample {
            seconds: now,
            stage: 0,
            done: Some((value.floor() / work).min(1.0)),
            work: Some(work),
            fraction: Some((value.floor() / work).min(1.0)),
        });
        now += INTERVAL;
        if let Some(stall) = stalls.iter_mut().find(|stall| done >= stall.0 && stall.1 > 0.0) {
            stall.1 -= INTERVAL;
            continue;
        }
        worked += INTERVAL;
        noise = noise * 0.9 + rng.normal() * NOISE * (1.0_f64 - 0.9 * 0.9).sqrt();
        value += model.speed(worked, done, change_at, phase) * speed * f64::exp(noise) * 100.0 * INTERVAL;
    }
    trace.end = now;
    trace
}
