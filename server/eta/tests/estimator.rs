//! Estimates of the time left: values, ranges, and when none is shown.

use std::sync::Arc;

use eta::{Estimator, Gaps, History, Lengths, Rhythm, Run, Sample, StageRun};

/// Returns a sample with `done` of `work` in a run without stages.
fn at(seconds: f64, done: f64, work: f64) -> Sample {
    Sample { seconds, stage: 0, done: Some(done / work), work: Some(work), fraction: Some(done / work) }
}

/// Observes a run of 100 units at one unit a second until `end`.
fn steady(end: u32) -> Estimator {
    let mut estimator = Estimator::new(1, None);
    (0..=end).for_each(|second| estimator.observe(at(f64::from(second), f64::from(second), 100.0)));
    estimator
}

/// Returns the history of one-stage runs at an even pace, given as (seconds, work).
fn even_runs(runs: &[(f64, f64)]) -> Option<Arc<History>> {
    let run = |(seconds, work): &(f64, f64)| {
        let points = (0..=20).map(|place| (f64::from(place) / 20.0, seconds * f64::from(place) / 20.0)).collect();
        Run {
            stages: vec![StageRun { seconds: *seconds, work: Some(*work), points }],
            usual_gap: 1.0,
            ..Run::default()
        }
    };
    History::learn(1, &runs.iter().map(run).collect::<Vec<_>>()).map(Arc::new)
}

#[test]
fn steady_run_has_accurate_estimate() {
    let estimate = steady(40).estimate(40.0).expect("it is steady");
    assert!((58.0..62.0).contains(&estimate.likely), "{estimate:?}");
    assert!(estimate.low < 60.0 && 60.0 < estimate.high, "{estimate:?}");
}

#[test]
fn estimate_is_hidden_before_five_seconds_and_three_steps() {
    assert_eq!(steady(4).estimate(4.9), None);
    assert!(steady(8).estimate(8.0).is_some());
    let mut twice = Estimator::new(1, None);
    for sample in [at(0.0, 0.0, 100.0), at(10.0, 10.0, 100.0), at(20.0, 20.0, 100.0)] {
        twice.observe(sample);
    }
    assert_eq!(twice.estimate(21.0), None);
}

#[test]
fn range_widens_in_a_stall_and_is_then_hidden() {
    let run = steady(40);
    let (moving, stalled) = (run.estimate(41.0).expect("moves"), run.estimate(70.0).expect("may go on"));
    assert!(stalled.high > moving.high + 20.0, "{moving:?} {stalled:?}");
    assert!(stalled.high - stalled.low > moving.high - moving.low, "{moving:?} {stalled:?}");
    assert_eq!(run.estimate(140.0), None);
}

#[test]
fn stall_does_not_lower_the_pace() {
    let mut run = steady(40);
    (1..=20).for_each(|second| run.observe(at(f64::from(second + 100), f64::from(second + 40), 100.0)));
    let estimate = run.estimate(120.0).expect("it goes on");
    assert!((36.0..44.0).contains(&estimate.likely), "{estimate:?}");
}

#[test]
fn lasting_change_of_pace_is_followed() {
    let mut run = steady(40);
    (1..=60).for_each(|second| run.observe(at(f64::from(second + 40), 40.0 + f64::from(second) / 4.0, 100.0)));
    let estimate = run.estimate(100.0).expect("it is steady again");
    assert!((160.0..200.0).contains(&estimate.likely), "180 s are left: {estimate:?}");
}

#[test]
fn history_gives_early_estimate() {
    let history = even_runs(&[(100.0, 1000.0), (104.0, 1000.0), (97.0, 1000.0), (101.0, 1000.0), (99.0, 1000.0)]);
    let mut run = Estimator::new(1, history);
    (0..=6).for_each(|second| run.observe(at(f64::from(second), f64::from(second) * 10.0, 1000.0)));
    let estimate = run.estimate(6.0).expect("its kind is known");
    assert!((85.0..105.0).contains(&estimate.likely), "{estimate:?}");
}

#[test]
fn history_scales_with_work_if_earlier_runs_did() {
    let sizes = even_runs(&[(10.0, 100.0), (40.0, 400.0), (20.0, 200.0), (80.0, 800.0)]);
    let mut large = Estimator::new(1, sizes);
    large.observe(at(0.0, 0.0, 1600.0));
    let guess = large.raw_estimate(0.0).expect("its kind is known");
    assert!((140.0..180.0).contains(&guess.likely), "{guess:?}");
    let fixed = even_runs(&[(40.0, 100.0), (41.0, 400.0), (39.0, 200.0), (40.0, 800.0)]);
    let mut fixed = Estimator::new(1, fixed);
    fixed.observe(at(0.0, 0.0, 1600.0));
    let guess = fixed.raw_estimate(0.0).expect("its kind is known");
    assert!((35.0..45.0).contains(&guess.likely), "{guess:?}");
}

#[test]
fn newer_runs_have_more_weight_than_older_ones() {
    // The disk was replaced three runs ago; all runs on the old one were small.
    let mut runs = vec![(110.0, 1100.0), (90.0, 900.0), (100.0, 1000.0)];
    runs.extend([(240.0, 800.0), (240.0, 800.0), (270.0, 900.0), (240.0, 800.0), (270.0, 900.0)]);
    let guess = Estimator::new(1, even_runs(&runs)).raw_estimate(0.0).expect("its kind is known");
    assert!((100.0..150.0).contains(&guess.likely), "{guess:?}");
    let mut large = Estimator::new(1, even_runs(&runs));
    large.observe(at(0.0, 0.0, 2000.0));
    let larger = large.raw_estimate(0.0).expect("its kind is known");
    assert!((1.7..2.3).contains(&(larger.likely / guess.likely)), "{guess:?} {larger:?}");
}

#[test]
fn stage_without_total_takes_its_usual_time() {
    let scan = StageRun { seconds: 20.0, work: None, points: Vec::new() };
    let hash = StageRun { seconds: 60.0, work: Some(500.0), points: vec![(0.0, 0.0), (0.5, 30.0), (1.0, 60.0)] };
    let run = Run { stages: vec![scan, hash], usual_gap: 1.0, ..Run::default() };
    let history = History::learn(2, &[run.clone(), run]).map(Arc::new);
    let mut estimator = Estimator::new(2, history);
    (0..=10).for_each(|second| estimator.observe(Sample { seconds: f64::from(second), ..Sample::default() }));
    let guess = estimator.raw_estimate(10.0).expect("its kind is known");
    assert!((65.0..75.0).contains(&guess.likely), "{guess:?}");
}

/// Returns the estimate at `now` of a run without progress reports, after runs of these durations in seconds.
fn without_progress(runs: &[f64], now: f64) -> Option<eta::Estimate> {
    let run =
        |seconds: &f64| Run { stages: vec![StageRun { seconds: *seconds, ..Default::default() }], ..Run::default() };
    let history = History::learn(1, &runs.iter().map(run).collect::<Vec<_>>()).map(Arc::new);
    let mut estimator = Estimator::new(1, history);
    (0..=now as u32).for_each(|second| estimator.observe(Sample { seconds: f64::from(second), ..Sample::default() }));
    estimator.estimate(now)
}

#[test]
fn run_without_progress_needs_three_similar_runs() {
    assert_eq!(without_progress(&[60.0, 61.0], 10.0), None);
    assert!(without_progress(&[60.0, 61.0, 58.0], 10.0).is_some());
    assert_eq!(without_progress(&[60.0, 600.0, 6.0, 2.0], 10.0), None, "these runs differ too much");
    let early = without_progress(&[60.0, 61.0, 58.0, 60.0, 63.0, 59.0], 10.0).expect("its kind is known");
    assert!((45.0..55.0).contains(&early.likely) && early.low < 48.0 && early.high > 52.0, "{early:?}");
    // The time left decreases; its uncertainty does not.
    let late = without_progress(&[60.0, 61.0, 58.0, 60.0, 63.0, 59.0], 38.0).expect("its kind is known");
    assert!((19.0..26.0).contains(&late.likely), "{late:?}");
    assert!(late.high / late.low > 1.5 * early.high / early.low, "{early:?} {late:?}");
    assert_eq!(without_progress(&[60.0, 61.0, 58.0, 60.0, 63.0, 59.0], 5e5), None, "no run took this long");
    assert_eq!(without_progress(&[1.0; 6], 20.0), None, "it hangs");
}

#[test]
fn varying_last_stage_widens_range_from_the_start() {
    let run = |last: f64| {
        let first = StageRun {
            seconds: 50.0,
            work: Some(50.0),
            points: (0..=50).map(|at| (f64::from(at) / 50.0, f64::from(at))).collect(),
        };
        Run { stages: vec![first, StageRun { seconds: last, ..StageRun::default() }], usual_gap: 1.0, ..Run::default() }
    };
    let width = |runs: &[Run]| {
        let mut estimator = Estimator::new(2, History::learn(2, runs).map(Arc::new));
        for second in 0..=25 {
            let done = f64::from(second) / 50.0;
            estimator.observe(Sample {
                seconds: f64::from(second),
                done: Some(done),
                work: Some(50.0),
                fraction: Some(done / 2.0),
                stage: 0,
            });
        }
        let guess = estimator.raw_estimate(25.0).expect("it moves");
        guess.high / guess.low
    };
    let alike = width(&[run(50.0), run(51.0), run(49.0), run(50.0), run(51.0), run(49.0)]);
    let apart = width(&[run(90.0), run(30.0), run(50.0), run(100.0), run(25.0), run(50.0)]);
    assert!(apart > alike * 1.4, "{alike} {apart}");
}

#[test]
fn varying_short_stage_does_not_affect_long_stage() {
    let run = |(first, last): (f64, f64)| {
        let stage = |seconds: f64| StageRun { seconds, ..StageRun::default() };
        Run { stages: vec![stage(first), stage(last)], ..Run::default() }
    };
    let runs = [(0.02, 60.0), (0.2, 61.0), (0.05, 59.0), (1.0, 60.0), (0.1, 61.0), (0.5, 59.0)].map(run);
    let mut estimator = Estimator::new(2, History::learn(2, &runs).map(Arc::new));
    estimator.observe(Sample::default());
    (2..=10).for_each(|second| estimator.observe(Sample { seconds: f64::from(second), stage: 1, ..Sample::default() }));
    let estimate = estimator.estimate(10.0).expect("the long stage always takes the same time");
    assert!((48.0..54.0).contains(&estimate.likely) && estimate.high < 1.6 * estimate.low, "{estimate:?}");
}

#[test]
fn estimate_stays_after_stage_without_progress() {
    let run = |seconds: f64| {
        let points = (0..=20).map(|at| (f64::from(at) / 20.0, f64::from(at))).collect();
        let loud = StageRun { seconds: 20.0, work: Some(20.0), points };
        Run { stages: vec![StageRun { seconds, ..StageRun::default() }, loud], ..Run::default() }
    };
    let mut estimator = Estimator::new(2, History::learn(2, &[run(20.0), run(21.0), run(19.0)]).map(Arc::new));
    (0..20).for_each(|second| estimator.observe(Sample { seconds: f64::from(second), ..Sample::default() }));
    estimator.observe(Sample { seconds: 20.0, stage: 1, done: Some(0.0), work: Some(20.0), fraction: Some(0.5) });
    let estimate = estimator.estimate(20.0).expect("there was an estimate before");
    assert!(estimate.low < 20.0 && 20.0 < estimate.high, "{estimate:?}");
}

#[test]
fn unknown_fraction_has_no_estimate() {
    let mut run = Estimator::new(1, None);
    (0..60).for_each(|second| run.observe(Sample { seconds: f64::from(second), ..Sample::default() }));
    assert_eq!(run.estimate(60.0), None);
}

#[test]
fn frequent_pause_is_not_a_stall() {
    let mut gaps = Gaps::default();
    for gap in [1.0, 1.0, 30.0, 1.0, 1.0] {
        gaps.observe(gap);
    }
    assert!(gaps.stall_after(0.0) < 10.0);
    for gap in [28.0, 31.0] {
        gaps.observe(gap);
    }
    assert!(gaps.stall_after(0.0) > 60.0);
}

#[test]
fn slow_limit_needs_five_runs() {
    let runs: Vec<(f64, f64)> = (1..=10).map(|run| (f64::from(run) * 10.0, 100.0)).collect();
    assert_eq!(even_runs(&runs[..4]).expect("runs").slow(), None);
    assert_eq!(even_runs(&runs).expect("runs").slow(), Some(90.0));
}

#[test]
fn runs_without_work_give_their_time_alone() {
    let run = |seconds: f64| Run { stages: vec![StageRun { seconds, ..StageRun::default() }], ..Run::default() };
    let history = History::learn(1, &[run(40.0), run(42.0), run(38.0)]).map(Arc::new);
    let mut estimator = Estimator::new(1, history);
    estimator.observe(at(0.0, 0.0, 5_000_000.0));
    let guess = estimator.raw_estimate(0.0).expect("its kind is known");
    assert!((36.0..44.0).contains(&guess.likely), "{guess:?}");
}

#[test]
fn growing_total_keeps_the_estimate() {
    for history in [None, even_runs(&[(100.0, 1000.0), (101.0, 1000.0), (99.0, 1000.0)])] {
        let mut run = Estimator::new(1, history);
        for second in 0..=40 {
            let second = f64::from(second);
            run.observe(at(second, second * 10.0, 980.0 + second / 2.0));
        }
        let estimate = run.estimate(40.0).expect("it moves all the time");
        assert!((55.0..66.0).contains(&estimate.likely), "{estimate:?}");
    }
}

/// Observes a run of 100 units that does one a second for ten seconds, then pauses for twenty, and so on.
fn in_bursts(end: u32, history: Option<Arc<History>>) -> Estimator {
    let mut estimator = Estimator::new(1, history);
    let done = |second: u32| second / 30 * 10 + (second % 30).min(10);
    (0..=end).for_each(|second| estimator.observe(at(f64::from(second), f64::from(done(second)), 100.0)));
    estimator
}

#[test]
fn regular_bursts_and_pauses_are_predicted() {
    // The run ends with its tenth burst, after 280 s.
    for asked in [95, 105, 119] {
        let guess = in_bursts(asked, None).raw_estimate(f64::from(asked)).expect("it moves");
        assert!((guess.likely - f64::from(280 - asked)).abs() < 4.0, "asked after {asked} s: {guess:?}");
    }
}

#[test]
fn rhythm_of_earlier_runs_applies_after_first_pause() {
    let points: Vec<_> =
        (0..=100).map(|done| (f64::from(done) / 100.0, f64::from(done / 10 * 30 + done % 10))).collect();
    let stage = StageRun { seconds: 280.0, work: Some(100.0), points };
    let run = |rhythm| Run { stages: vec![stage.clone()], usual_gap: 20.0, rhythm };
    let lengths = Lengths { burst: 10.0, pause: 20.0 };
    let history = History::learn(1, &[run(Some(lengths)), run(Some(lengths)), run(None)]).map(Arc::new);
    let guess = in_bursts(35, history).raw_estimate(35.0).expect("it moves");
    assert!((guess.likely - 245.0).abs() < 12.0, "{guess:?}");
}

#[test]
fn irregular_pauses_are_not_a_rhythm() {
    let mut rhythm = Rhythm::new(None);
    for pause in [2.0, 30.0, 5.0, 80.0, 3.0] {
        (0..10).for_each(|_| rhythm.observe(1.0, 1.0, 2.0));
        rhythm.observe(1.0, pause, 2.0);
    }
    assert_eq!(rhythm.lengths(), None);
}
