//! Trace of a run: its samples from the beginning to the end.

use eta::{Gaps, Rhythm, Run, Sample, StageRun};

/// A complete run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trace {
    /// Number of stages; 1 for a kind without stages.
    pub(crate) stages: usize,
    /// The samples in order.
    pub(crate) samples: Vec<Sample>,
    /// Duration, seconds.
    pub(crate) end: f64,
}

impl Trace {
    /// Returns the data of the run that the engine keeps for its history.
    pub(crate) fn run(&self) -> Run {
        let mut stages = vec![StageRun::default(); self.stages];
        let (mut gaps, mut rhythm) = (Gaps::default(), Rhythm::new(None));
        let (mut entered, mut moved, mut stage, mut reached) = (0.0, 0.0, 0, 0.0);
        for sample in &self.samples {
            let fraction = sample.fraction.unwrap_or_default();
            let silence = sample.seconds - moved;
            if sample.stage != stage {
                stages[stage].seconds = sample.seconds - entered;
                (stage, entered, moved) = (sample.stage, sample.seconds, sample.seconds);
            } else if sample.fraction.is_none() || fraction > reached {
                gaps.observe(silence);
                rhythm.observe(fraction - reached, silence, gaps.usual());
                moved = sample.seconds;
            }
            reached = fraction;
            stages[stage].work = sample.work;
            if let Some(done) = sample.done {
                stages[stage].points.push((done, sample.seconds - entered));
            }
        }
        stages[stage].seconds = self.end - entered;
        for stage in &mut stages {
            thin(&mut stage.points);
        }
        Run { stages, usual_gap: gaps.usual(), rhythm: rhythm.lengths() }
    }

    /// Parses a trace file: a comment after `#`, the number of stages and the duration, then one line for each sample
    /// with seconds, stage, done, work and fraction; `-` is an unknown value.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines().filter(|line| !line.starts_with('#'));
        let (stages, end) = lines.next()?.split_once(',')?;
        let samples = lines.map(sample).collect::<Option<Vec<_>>>()?;
        Some(Self { stages: stages.parse().ok()?, samples, end: end.parse().ok()? })
    }
}

fn sample(line: &str) -> Option<Sample> {
    let mut columns = line.split(',');
    let mut number = || columns.next().map(|column| column.parse::<f64>().ok());
    Some(Sample {
        seconds: number()??,
        stage: number()?? as usize,
        done: number()?,
        work: number()?,
        fraction: number()?,
    })
}

/// Thins the points as the engine does: the ends of gaps are kept.
fn thin(points: &mut Vec<(f64, f64)>) {
    let step = points.len().div_ceil(120).max(1);
    let all = std::mem::take(points);
    let moves = |place: usize| all.get(place + 1).is_none_or(|next| next.0 > all[place].0);
    let kept = (0..all.len()).filter(|place| place % step == 0 || (*place > 0 && moves(*place) != moves(*place - 1)));
    points.extend(kept.map(|place| all[place]));
}
