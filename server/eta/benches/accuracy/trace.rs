//! A run as it was seen: what reports it made when.

use eta::{Gaps, Reading, Run, StageRun};

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
        let mut gaps = Gaps::default();
        let (mut entered, mut moved, mut stage) = (0.0, 0.0, 0);
        for reading in &self.readings {
            if reading.stage != stage {
                stages[stage].seconds = reading.seconds - entered;
                (stage, entered) = (reading.stage, reading.seconds);
            } else if reading.seconds > moved {
                gaps.saw(reading.seconds - moved);
            }
            moved = reading.seconds;
            stages[stage].work = reading.work;
            if let Some(done) = reading.done {
                stages[stage].course.push((done, reading.seconds - entered));
            }
        }
        stages[stage].seconds = self.end - entered;
        for stage in &mut stages {
            thin(&mut stage.course);
        }
        Run { stages, usual_gap: gaps.usual() }
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

/// As few points as the engine keeps.
fn thin(course: &mut Vec<(f64, f64)>) {
    let step = course.len().div_ceil(120).max(1);
    let mut place = 0;
    course.retain(|_| {
        place += 1;
        (place - 1) % step == 0
    });
}
