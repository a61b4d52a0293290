//! Kinds of processes, made up: each has a law, its runs differ in size and speed, and all is drawn from a seed.
//!
//! A *kind* is drawn once: how fast it is, where it changes its pace, how long it stalls. Each of its runs draws a size (a
//! factor of e^±0.5), a speed (e^±0.15: a busy machine, a slow disk) and a noise in the speed that lasts some seconds (an
//! autoregressive process of first order, a standard deviation of 0.15). A run reports two times a second.

use eta::Reading;

use super::trace::Trace;

/// Seconds between two looks.
const LOOK: f64 = 0.5;

/// The noise in the speed, as the standard deviation of its logarithm.
const NOISE: f64 = 0.15;

/// How a kind's pace goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Alike throughout.
    Steady,
    /// From some place on several times as fast, or as slow.
    TwoPhase,
    /// Once or twice nothing moves for a long time, in half of the runs.
    Stall,
    /// Work comes in bursts, with pauses between them, by the clock: flushes, quotas, a slow reader.
    Bursty,
    /// The same, with the bursts at the same places of the work in all runs: large files, commits, months.
    Batches,
    /// The first while is slow, whatever the size: caches are cold.
    SlowStart,
}

impl Shape {
    /// All of them.
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

/// Numbers that look random and are the same for the same seed (splitmix64, by Steele, Lea and Flood).
struct Draw(u64);

impl Draw {
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

    /// Of mean 0 and deviation 1, near enough: the sum of twelve, less six.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

/// What all runs of a kind share.
struct Law {
    shape: Shape,
    /// Seconds of a usual run at full speed.
    usual: f64,
    /// Where the pace changes, as a share of the work, and by which factor.
    change: (f64, f64),
    /// Seconds of work and of pause in a burst.
    burst: (f64, f64),
    /// Where batches end, as shares of the work, and how long the pause after them is, as shares of the time.
    batches: Vec<(f64, f64)>,
    /// Seconds of the slow start, and its speed.
    start: (f64, f64),
}

impl Law {
    fn draw(shape: Shape, draw: &mut Draw) -> Self {
        let usual = draw.between(120.0, 900.0);
        let factor = draw.between(2.5, 6.0);
        let (bursts, pause) = (4.0 * 10.0_f64.powf(draw.uniform()), draw.between(0.3, 0.7));
        Self {
            shape,
            usual,
            change: (draw.between(0.25, 0.75), if draw.uniform() < 0.5 { factor } else { 1.0 / factor }),
            burst: (usual / bursts * pause, usual / bursts * (1.0 - pause)),
            batches: (0..4 + (draw.uniform() * 9.0) as usize)
                .map(|_| (draw.between(0.03, 0.97), draw.between(0.03, 0.2)))
                .collect(),
            start: (usual * draw.between(0.15, 0.4), draw.between(0.1, 0.25)),
        }
    }

    /// Work a second after `worked` seconds that were not stalls, with `done` of the work done.
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

/// A run of a kind that is drawn from `seed`, after `earlier` ones of the same kind.
pub(crate) fn runs(shape: Shape, seed: u64, earlier: usize) -> (Trace, Vec<Trace>) {
    let mut draw = Draw(seed.wrapping_mul(1_000_003) ^ (shape as u64) << 40);
    let law = Law::draw(shape, &mut draw);
    let before = (0..earlier).map(|_| run(&law, &mut draw, false)).collect();
    (run(&law, &mut draw, true), before)
}

/// One that is judged for what it does in a stall has one.
fn run(law: &Law, draw: &mut Draw, judged: bool) -> Trace {
    let size = (draw.normal() * 0.5).clamp(-1.0, 1.0).exp();
    let speed = (draw.normal() * 0.15).exp();
    // A unit is what is done in a hundredth of a second.
    let work = (law.usual * size * 100.0).round();
    let change_at = law.change.0 + draw.normal() * 0.03;
    let phase = draw.between(0.0, law.burst.0 + law.burst.1);
    let stalls = if law.shape == Shape::Stall && (judged || draw.uniform() < 0.5) {
        1 + usize::from(draw.uniform() < 0.4)
    } else {
        0
    };
    let mut stalls: Vec<(f64, f64)> = (0..stalls)
        .map(|_| (draw.between(0.05, if judged { 0.4 } else { 0.9 }), law.usual * size * draw.between(0.15, 0.5)))
        .collect();
    if law.shape == Shape::Batches {
        let noisy = law.batches.iter().map(|(place, pause)| {
            (place + draw.normal() * 0.003, law.usual * size / speed * pause * (draw.normal() * 0.15).exp())
        });
        stalls.extend(noisy.collect::<Vec<_>>());
    }
    let mut trace = Trace { stages: 1, ..Trace::default() };
    let (mut now, mut worked, mut value, mut noise) = (0.0, 0.0, 0.0, 0.0);
    while value < work {
        let done: f64 = (value / work).min(1.0);
        trace.readings.push(Reading {
            seconds: now,
            stage: 0,
            done: Some((value.floor() / work).min(1.0)),
            work: Some(work),
            fraction: Some((value.floor() / work).min(1.0)),
        });
        now += LOOK;
        if let Some(stall) = stalls.iter_mut().find(|stall| done >= stall.0 && stall.1 > 0.0) {
            stall.1 -= LOOK;
            continue;
        }
        worked += LOOK;
        noise = noise * 0.9 + draw.normal() * NOISE * (1.0_f64 - 0.9 * 0.9).sqrt();
        value += law.speed(worked, done, change_at, phase) * speed * f64::exp(noise) * 100.0 * LOOK;
    }
    trace.end = now;
    trace
}
