//! A run as it was seen: what reports it made when.

use eta::{Gaps, Reading, Rhythm, Run, StageRun};

/// A run from its beginning to its end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trace {
    /// Stages of its kind; 1 for none.
    pub(crate) stages: usize,
    /// What was seen, in order.
    pub(crate) readings: Vec<Reading>,
    /// When it ended, seconds.
    pub(crate) end: f64,
}

impl Trace {
    /// What the run teaches those after it: what the engine keeps of it.
    pub(crate) fn run(&self) -> Run {
        let mut stages = vec![StageRun::default(); self.stages];
        let (mut gaps, mut rhythm) = (Gaps::default(), Rhythm::new(None));
        let (mut entered, mut moved, mut stage, mut reached) = (0.0, 0.0, 0, 0.0);
        for reading in &self.readings {
            let fraction = reading.fraction.unwrap_or_default();
            let silence = reading.seconds - moved;
            if reading.stage != stage {
                stages[stage].seconds = reading.seconds - entered;
                (stage, entered, moved) = (reading.stage, reading.seconds, reading.seconds);
            } else if reading.fraction.is_none() || fraction > reached {
                gaps.saw(silence);
                rhythm.saw(fraction - reached, silence, gaps.usual());
                moved = reading.seconds;
            }
            reached = fraction;
            stages[stage].work = reading.work;
            if let Some(done) = reading.done {
                stages[stage].course.push((done, reading.seconds - entered));
            }
        }
        stages[stage].seconds = self.end - entered;
        for stage in &mut stages {
            thin(&mut stage.course);
        }
        Run { stages, usual_gap: gaps.usual(), rhythm: rhythm.lengths() }
    }

    /// Reads one from its file: a line of what it is, after `#`, the number of stages and the end, then one line for each
    /// reading: seconds, stage, done, work, fraction; `-` for what is not known.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines().filter(|line| !line.starts_with('#'));
        let (stages, end) = lines.next()?.split_once(',')?;
        let readings = lines.map(reading).collect::<Option<Vec<_>>>()?;
        Some(Self { stages: stages.parse().ok()?, readings, end: end.parse().ok()? })
    }
}

fn reading(line: &str) -> Option<Reading> {
    let mut columns = line.split(',');
    let mut number = || columns.next().map(|column| column.parse::<f64>().ok());
    Some(Reading {
        seconds: number()??,
        stage: number()?? as usize,
        done: number()?,
        work: number()?,
        fraction: number()?,
    })
}

/// As few points as the engine keeps: silences keep their ends.
fn thin(course: &mut Vec<(f64, f64)>) {
    let step = course.len().div_ceil(120).max(1);
    let all = std::mem::take(course);
    let moves = |place: usize| all.get(place + 1).is_none_or(|next| next.0 > all[place].0);
    let kept = (0..all.len()).filter(|place| place % step == 0 || (*place > 0 && moves(*place) != moves(*place - 1)));
    course.extend(kept.map(|place| all[place]));
}
