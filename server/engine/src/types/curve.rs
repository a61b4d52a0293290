//! The progress curve of an attempt: at most 240 samples of its progress over time.

use eta::{Gaps, Lengths, Rhythm, Run, StageRun};
use model::Progress;
use serde::{Deserialize, Serialize};

/// Most points kept. Above that, the points closest together are removed.
pub const POINTS: usize = 240;
/// Time between two points at first, seconds.
const APART: f32 = 0.5;

/// The progress of one attempt over time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// Samples in order of time.
    pub points: Vec<CurvePoint>,
    /// Total of each stage, in the task's unit; one entry for a kind without stages.
    pub works: Vec<Option<u64>>,
    /// Unit of each of those totals. Empty in curves from before November 2026.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub units: Vec<String>,
    /// A silence that occurred several times, seconds.
    pub usual_gap: f64,
    /// The longest silence, seconds.
    pub longest_gap: f64,
    /// Seconds of a burst and of a pause, if it ran in similar bursts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rhythm: Option<(f64, f64)>,
}

/// A sample of the progress. In JSON it is an array, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Columns", into = "Columns")]
pub struct CurvePoint {
    /// Seconds since the start.
    pub seconds: f32,
    /// Fraction of the whole, 0 to 1.
    pub fraction: Option<f32>,
    /// Speed in the task's unit per second.
    pub rate: Option<f32>,
    /// The current stage, from 0.
    pub stage: Option<u32>,
    /// Fraction of that stage, 0 to 1.
    pub done: Option<f32>,
}

type Columns = (f32, Option<f32>, Option<f32>, Option<u32>, Option<f32>);

impl From<Columns> for CurvePoint {
    fn from((seconds, fraction, rate, stage, done): Columns) -> Self {
        Self { seconds, fraction, rate, stage, done }
    }
}

impl From<CurvePoint> for Columns {
    fn from(point: CurvePoint) -> Self {
        (point.seconds, point.fraction, point.rate, point.stage, point.done)
    }
}

impl CurvePoint {
    fn of(seconds: f64, progress: &Progress) -> Self {
        Self {
            seconds: rounded(seconds, 100.0),
            fraction: progress.fraction.map(|fraction| rounded(fraction, 1e4)),
            rate: progress.rate.map(|rate| rounded(rate, 10.0)),
            stage: progress.stage.as_ref().map(|stage| stage.index),
            done: done(progress).map(|done| rounded(done, 1e4)),
        }
    }
}

/// Fraction of the stage that a job has done, 0 to 1; `None` if unknown.
pub(crate) fn done(progress: &Progress) -> Option<f64> {
    let max = progress.max?;
    Some(if max == 0 { 1.0 } else { (progress.value as f64 / max as f64).min(1.0) })
}

fn rounded(number: f64, per_one: f64) -> f32 {
    ((number * per_one).round() / per_one) as f32
}

impl Curve {
    /// The run for the estimator. `stage_seconds` are the durations of its stages; `total` is that of the whole.
    pub(crate) fn run(&self, stages: usize, stage_seconds: &[f64], total: f64) -> Run {
        let stages = (0..stages.max(1)).map(|index| {
            let seconds = stage_seconds.get(index).copied().unwrap_or(if index == 0 { total } else { 0.0 });
            let here = self.points.iter().filter(|point| point.stage.unwrap_or(0) as usize == index);
            let entered = if index == 0 { 0.0 } else { here.clone().next().map_or(0.0, |point| point.seconds) };
            let place = |point: &CurvePoint| Some((f64::from(point.done?), f64::from(point.seconds - entered)));
            let work = self.works.get(index).copied().flatten().filter(|work| *work > 0);
            StageRun { seconds, work: work.map(|work| work as f64), points: here.filter_map(place).collect() }
        });
        let rhythm = self.rhythm.map(|(burst, pause)| Lengths { burst, pause });
        Run { stages: stages.collect(), usual_gap: self.usual_gap, rhythm }
    }
}

/// Records the curve of a running attempt.
#[derive(Debug)]
pub(crate) struct Recorder {
    curve: Curve,
    /// The latest sample, if it is not a point yet.
    latest: Option<CurvePoint>,
    apart: f32,
    gaps: Gaps,
    rhythm: Rhythm,
    reported_at: f64,
}

impl Recorder {
    /// A recorder that begins at `seconds`, for an attempt with `stages` stages.
    pub(crate) fn new(stages: usize, seconds: f64) -> Self {
        let stages = stages.max(1);
        let curve = Curve { works: vec![None; stages], units: vec![String::new(); stages], ..Curve::default() };
        Self {
            curve,
            latest: None,
            apart: APART,
            gaps: Gaps::default(),
            rhythm: Rhythm::new(None),
            reported_at: seconds,
        }
    }

    /// Takes note of a report.
    pub(crate) fn observe(&mut self, seconds: f64, progress: &Progress) {
        let gap = (seconds - self.reported_at).max(0.0);
        self.gaps.observe(gap);
        self.reported_at = seconds;
        self.curve.longest_gap = self.curve.longest_gap.max(rounded(gap, 10.0).into());
        let point = CurvePoint::of(seconds, progress);
        let stage = point.stage.unwrap_or(0) as usize;
        if let Some((work, unit)) = self.curve.works.get_mut(stage).zip(self.curve.units.get_mut(stage)) {
            *work = progress.max.or(*work);
            if *unit != progress.unit {
                unit.clone_from(&progress.unit);
            }
        }
        let before = self.latest.replace(point);
        let fraction = |point: &CurvePoint| point.fraction.map_or(0.0, f64::from);
        let gained = fraction(&point) - before.as_ref().map_or(0.0, fraction);
        self.rhythm.observe(gained, gap, self.gaps.usual());
        let Some(last) = self.curve.points.last() else { return self.push(point) };
        // A silence keeps its beginning, so that it stays flat; a stage keeps its end.
        if let Some(before) = before
            && before.seconds > last.seconds
            && (point.seconds - before.seconds >= 2.0 * self.apart || point.stage != before.stage)
        {
            self.push(before);
            self.push(point);
        } else if point.stage != last.stage || point.seconds - last.seconds >= self.apart {
            self.push(point);
        }
    }

    /// The curve so far, up to what was seen last.
    pub(crate) fn curve(&self) -> Curve {
        let mut curve = self.curve.clone();
        curve.usual_gap = rounded(self.gaps.usual(), 10.0).into();
        let tenths = |seconds: f64| f64::from(rounded(seconds, 10.0));
        curve.rhythm = self.rhythm.lengths().map(|lengths| (tenths(lengths.burst), tenths(lengths.pause)));
        if let Some(latest) = self.latest
            && curve.points.last() != Some(&latest)
        {
            curve.points.push(latest);
        }
        curve
    }

    /// Whether anything has been seen.
    pub(crate) const fn is_empty(&self) -> bool {
        self.latest.is_none()
    }

    fn push(&mut self, point: CurvePoint) {
        self.curve.points.push(point);
        // One place is for what was seen last.
        while self.curve.points.len() >= POINTS {
            self.apart *= 2.0;
            self.thin();
        }
    }

    /// Leaves out points that are closer together than `apart`; but none at which a stage or a silence begins or ends.
    fn thin(&mut self) {
        let points = std::mem::take(&mut self.curve.points);
        let last = points.len() - 1;
        for (place, point) in points.iter().enumerate() {
            let kept = self.curve.points.last();
            let stays = kept.is_none_or(|kept| point.seconds - kept.seconds >= self.apart)
                || place == last
                || points[place + 1].stage != point.stage
                || points[place - 1].stage != point.stage
                || points[place + 1].seconds - point.seconds >= 2.0 * self.apart;
            if stays {
                self.curve.points.push(*point);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use model::Stage;

    use super::*;

    fn at(value: u64, stage: u32) -> Progress {
        let stage = Stage { index: stage, count: 2, name: String::new(), starts: vec![0.0, 0.5] };
        let fraction = Some(value as f64 / 2e4 + f64::from(stage.index) / 2.0);
        Progress { value, max: Some(10_000), fraction, stage: Some(stage), ..Progress::default() }
    }

    /// Ten hours with a report a second: a stage ends in the middle, and before that nothing is said for a quarter of
    /// an hour.
    fn long() -> Curve {
        let mut recorder = Recorder::new(2, 0.0);
        let mut shift = 0.0;
        for second in 1..=18_000_u32 {
            shift += if second == 9_000 { 900.0 } else { 0.0 };
            recorder.observe(f64::from(second) + shift, &at(u64::from(second) / 2, 0));
        }
        for second in 18_001..=36_000_u32 {
            recorder.observe(f64::from(second) + shift, &at(u64::from(second - 18_000) / 2, 1));
        }
        recorder.curve()
    }

    #[test]
    fn long_curve_is_bounded_and_keeps_its_ends() {
        let curve = long();
        assert!((POINTS / 4..=POINTS).contains(&curve.points.len()), "{}", curve.points.len());
        let (first, last) = (curve.points[0], curve.points[curve.points.len() - 1]);
        assert_eq!((first.seconds, last.seconds), (1.0, 36_900.0));
        assert!(curve.points.is_sorted_by(|a, b| a.seconds <= b.seconds && a.fraction <= b.fraction));
    }

    #[test]
    fn stage_and_silence_boundaries_are_kept() {
        let curve = long();
        let has = |seconds: f32| curve.points.iter().any(|point| (point.seconds - seconds).abs() < 1.5);
        assert!(has(8_999.0) && has(9_900.0), "the silence is no slope");
        assert!(has(18_900.0), "the first stage ends where it did");
        assert!((curve.longest_gap - 901.0).abs() < 0.1 && curve.usual_gap < 1.5, "{curve:?}");
    }

    #[test]
    fn curve_includes_the_latest_sample() {
        let mut recorder = Recorder::new(2, 0.0);
        for (seconds, value) in [(1.0, 10), (1.1, 20), (1.2, 30)] {
            recorder.observe(seconds, &at(value, 0));
        }
        let curve = recorder.curve();
        assert_eq!(curve.points.iter().map(|point| point.seconds).collect::<Vec<_>>(), [1.0, 1.2]);
        assert_eq!(curve.works, [Some(10_000), None]);
    }

    #[test]
    fn curve_keeps_burst_intervals() {
        let mut recorder = Recorder::new(2, 0.0);
        for burst in 0..6 {
            (0..=10).for_each(|second| {
                recorder.observe(f64::from(30 * burst + second), &at((100 * burst + 10 * second) as u64, 0));
            });
        }
        assert_eq!(recorder.curve().rhythm, Some((11.0, 19.0)), "the step that ends a pause is in the burst");
        assert_eq!(long().rhythm, None);
    }

    #[test]
    fn curve_without_intervals_is_parsed() {
        let old = r#"{"points":[],"works":[null],"usual_gap":1.0,"longest_gap":2.0}"#;
        assert_eq!(serde_json::from_str::<Curve>(old).expect("it can be read").rhythm, None);
    }

    #[test]
    fn curve_round_trips_in_compact_form() {
        let curve = long();
        let text = serde_json::to_string(&curve).expect("it can be written");
        assert!(text.len() < 12_000, "{} bytes", text.len());
        assert_eq!(serde_json::from_str::<Curve>(&text).expect("it can be read"), curve);
    }
}
