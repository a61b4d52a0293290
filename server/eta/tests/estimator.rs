//! What an estimate is, and when there is none.

use std::sync::Arc;

use eta::{Estimator, Gaps, History, Lengths, Reading, Rhythm, Run, StageRun};

/// `done` of `work` in a run without stages.
fn at(seconds: f64, done: f64, work: f64) -> Reading {
    Reading { seconds, stage: 0, done: Some(done / work), work: Some(work), fraction: Some(done / work) }
}

/// A run of 100 units that does one a second, watched until `end`.
fn steady(end: u32) -> Estimator {
    let mut estimator = Estimator::new(1, None);
    (0..=end).for_each(|second| estimator.saw(at(f64::from(second), f64::from(second), 100.0)));
    estimator
}

/// Runs of one stage of so many seconds for so much work each, at an even pace.
fn even_runs(runs: &[(f64, f64)]) -> Option<Arc<History>> {
    let run = |(seconds, work): &(f64, f64)| {
        let course = (0..=20).map(|place| (f64::from(place) / 20.0, seconds * f64::from(place) / 20.0)).collect();
        Run {
            stages: vec![StageRun { seconds: *seconds, work: Some(*work), course }],
            usual_gap: 1.0,
            ..Run::default()
        }
    };
    History::learn(1, &runs.iter().map(run).collect::<Vec<_>>()).map(Arc::new)
}

#[test]
fn a_steady_run_is_told_about_right() {
    let estimate = steady(40).estimate(40.0).expect("it is steady");
    assert!((58.0..62.0).contains(&estimate.likely), "{estimate:?}");
    assert!(estimate.low < 60.0 && 60.0 < estimate.high, "{estimate:?}");
}

#[test]
fn nothing_is_said_before_five_seconds_and_three_steps() {
    assert_eq!(steady(4).estimate(4.9), None);
    assert!(steady(8).estimate(8.0).is_some());
    let mut twice = Estimator::new(1, None);
    for reading in [at(0.0, 0.0, 100.0), at(10.0, 10.0, 100.0), at(20.0, 20.0, 100.0)] {
        twice.saw(reading);
    }
    assert_eq!(twice.estimate(21.0), None);
}

#[test]
fn in_a_stall_the_range_grows_and_then_goes_away() {
    let run = steady(40);
    let (moving, stalled) = (run.estimate(41.0).expect("moves"), run.estimate(70.0).expect("may go on"));
    assert!(stalled.high > moving.high + 20.0, "{moving:?} {stalled:?}");
    assert!(stalled.high - stalled.low > moving.high - moving.low, "{moving:?} {stalled:?}");
    assert_eq!(run.estimate(140.0), None);
}

#[test]
fn what_was_stalled_is_judged_by_how_it_goes() {
    let mut run = steady(40);
    (1..=20).for_each(|second| run.saw(at(f64::from(second + 100), f64::from(second + 40), 100.0)));
    let estimate = run.estimate(120.0).expect("it goes on");
    assert!((36.0..44.0).contains(&estimate.likely), "{estimate:?}");
}

#[test]
fn a_pace_that_changes_for_good_is_followed() {
    let mut run = steady(40);
    (1..=60).for_each(|second| run.saw(at(f64::from(second + 40), 40.0 + f64::from(second) / 4.0, 100.0)));
    let estimate = run.estimate(100.0).expect("it is steady again");
    assert!((160.0..200.0).contains(&estimate.likely), "180 s are left: {estimate:?}");
}

#[test]
fn earlier_runs_tell_before_the_run_can() {
    let history = even_runs(&[(100.0, 1000.0), (104.0, 1000.0), (97.0, 1000.0), (101.0, 1000.0), (99.0, 1000.0)]);
    let mut run = Estimator::new(1, history);
    (0..=6).for_each(|second| run.saw(at(f64::from(second), f64::from(second) * 10.0, 1000.0)));
    let estimate = run.estimate(6.0).expect("its kind is known");
    assert!((85.0..105.0).contains(&estimate.likely), "{estimate:?}");
}

#[test]
fn twice_the_work_takes_twice_the_time_where_earlier_runs_say_so() {
    let sizes = even_runs(&[(10.0, 100.0), (40.0, 400.0), (20.0, 200.0), (80.0, 800.0)]);
    let mut large = Estimator::new(1, sizes);
    large.saw(at(0.0, 0.0, 1600.0));
    let guess = large.guess(0.0).expect("its kind is known");
    assert!((140.0..180.0).contains(&guess.likely), "{guess:?}");
    let fixed = even_runs(&[(40.0, 100.0), (41.0, 400.0), (39.0, 200.0), (40.0, 800.0)]);
    let mut fixed = Estimator::new(1, fixed);
    fixed.saw(at(0.0, 0.0, 1600.0));
    let guess = fixed.guess(0.0).expect("its kind is known");
    assert!((35.0..45.0).contains(&guess.likely), "{guess:?}");
}

#[test]
fn what_has_changed_since_counts_less_and_its_chance_is_taken_for_no_law() {
    // A new disk came three runs ago; the old one happened to have the small runs.
    let mut runs = vec![(110.0, 1100.0), (90.0, 900.0), (100.0, 1000.0)];
    runs.extend([(240.0, 800.0), (240.0, 800.0), (270.0, 900.0), (240.0, 800.0), (270.0, 900.0)]);
    let guess = Estimator::new(1, even_runs(&runs)).guess(0.0).expect("its kind is known");
    assert!((100.0..150.0).contains(&guess.likely), "{guess:?}");
    let mut large = Estimator::new(1, even_runs(&runs));
    large.saw(at(0.0, 0.0, 2000.0));
    let larger = large.guess(0.0).expect("its kind is known");
    assert!((1.7..2.3).contains(&(larger.likely / guess.likely)), "{guess:?} {larger:?}");
}

#[test]
fn a_stage_without_a_total_takes_its_usual_time() {
    let scan = StageRun { seconds: 20.0, work: None, course: Vec::new() };
    let hash = StageRun { seconds: 60.0, work: Some(500.0), course: vec![(0.0, 0.0), (0.5, 30.0), (1.0, 60.0)] };
    let run = Run { stages: vec![scan, hash], usual_gap: 1.0, ..Run::default() };
    let history = History::learn(2, &[run.clone(), run]).map(Arc::new);
    let mut estimator = Estimator::new(2, history);
    (0..=10).for_each(|second| estimator.saw(Reading { seconds: f64::from(second), ..Reading::default() }));
    let guess = estimator.guess(10.0).expect("its kind is known");
    assert!((65.0..75.0).contains(&guess.likely), "{guess:?}");
}

/// A run that says nothing of itself but that it is there, after runs of so many seconds, at `now`.
fn mute(runs: &[f64], now: f64) -> Option<eta::Estimate> {
    let run =
        |seconds: &f64| Run { stages: vec![StageRun { seconds: *seconds, ..Default::default() }], ..Run::default() };
    let history = History::learn(1, &runs.iter().map(run).collect::<Vec<_>>()).map(Arc::new);
    let mut estimator = Estimator::new(1, history);
    (0..=now as u32).for_each(|second| estimator.saw(Reading { seconds: f64::from(second), ..Reading::default() }));
    estimator.estimate(now)
}

#[test]
fn a_run_that_says_nothing_is_told_about_once_three_runs_have_taken_about_as_long() {
    assert_eq!(mute(&[60.0, 61.0], 10.0), None);
    assert!(mute(&[60.0, 61.0, 58.0], 10.0).is_some());
    assert_eq!(mute(&[60.0, 600.0, 6.0, 2.0], 10.0), None, "they tell nothing");
    let early = mute(&[60.0, 61.0, 58.0, 60.0, 63.0, 59.0], 10.0).expect("its kind is known");
    assert!((45.0..55.0).contains(&early.likely) && early.low < 48.0 && early.high > 52.0, "{early:?}");
    // What is left gets less, and what is not known about it does not.
    let late = mute(&[60.0, 61.0, 58.0, 60.0, 63.0, 59.0], 38.0).expect("its kind is known");
    assert!((19.0..26.0).contains(&late.likely), "{late:?}");
    assert!(late.high / late.low > 1.5 * early.high / early.low, "{early:?} {late:?}");
    assert_eq!(mute(&[60.0, 61.0, 58.0, 60.0, 63.0, 59.0], 5e5), None, "it was never seen to take so long");
    assert_eq!(mute(&[1.0; 6], 20.0), None, "it hangs");
}

#[test]
fn a_last_stage_that_takes_its_own_time_makes_the_range_wider_from_the_beginning() {
    let run = |last: f64| {
        let first = StageRun {
            seconds: 50.0,
            work: Some(50.0),
            course: (0..=50).map(|at| (f64::from(at) / 50.0, f64::from(at))).collect(),
        };
        Run { stages: vec![first, StageRun { seconds: last, ..StageRun::default() }], usual_gap: 1.0, ..Run::default() }
    };
    let width = |runs: &[Run]| {
        let mut estimator = Estimator::new(2, History::learn(2, runs).map(Arc::new));
        for second in 0..=25 {
            let done = f64::from(second) / 50.0;
            estimator.saw(Reading {
                seconds: f64::from(second),
                done: Some(done),
                work: Some(50.0),
                fraction: Some(done / 2.0),
                stage: 0,
            });
        }
        let guess = estimator.guess(25.0).expect("it moves");
        guess.high / guess.low
    };
    let alike = width(&[run(50.0), run(51.0), run(49.0), run(50.0), run(51.0), run(49.0)]);
    let apart = width(&[run(90.0), run(30.0), run(50.0), run(100.0), run(25.0), run(50.0)]);
    assert!(apart > alike * 1.4, "{alike} {apart}");
}

#[test]
fn a_short_stage_that_varies_says_nothing_of_the_long_one_after_it() {
    let run = |(first, last): (f64, f64)| {
        let stage = |seconds: f64| StageRun { seconds, ..StageRun::default() };
        Run { stages: vec![stage(first), stage(last)], ..Run::default() }
    };
    let runs = [(0.02, 60.0), (0.2, 61.0), (0.05, 59.0), (1.0, 60.0), (0.1, 61.0), (0.5, 59.0)].map(run);
    let mut estimator = Estimator::new(2, History::learn(2, &runs).map(Arc::new));
    estimator.saw(Reading::default());
    (2..=10).for_each(|second| estimator.saw(Reading { seconds: f64::from(second), stage: 1, ..Reading::default() }));
    let estimate = estimator.estimate(10.0).expect("the long one is always alike");
    assert!((48.0..54.0).contains(&estimate.likely) && estimate.high < 1.6 * estimate.low, "{estimate:?}");
}

#[test]
fn what_was_said_of_a_mute_stage_does_not_go_away_with_it() {
    let run = |seconds: f64| {
        let course = (0..=20).map(|at| (f64::from(at) / 20.0, f64::from(at))).collect();
        let loud = StageRun { seconds: 20.0, work: Some(20.0), course };
        Run { stages: vec![StageRun { seconds, ..StageRun::default() }, loud], ..Run::default() }
    };
    let mut estimator = Estimator::new(2, History::learn(2, &[run(20.0), run(21.0), run(19.0)]).map(Arc::new));
    (0..20).for_each(|second| estimator.saw(Reading { seconds: f64::from(second), ..Reading::default() }));
    estimator.saw(Reading { seconds: 20.0, stage: 1, done: Some(0.0), work: Some(20.0), fraction: Some(0.5) });
    let estimate = estimator.estimate(20.0).expect("it was told about before");
    assert!(estimate.low < 20.0 && 20.0 < estimate.high, "{estimate:?}");
}

#[test]
fn a_fraction_that_is_not_known_means_no_estimate() {
    let mut run = Estimator::new(1, None);
    (0..60).for_each(|second| run.saw(Reading { seconds: f64::from(second), ..Reading::default() }));
    assert_eq!(run.estimate(60.0), None);
}

#[test]
fn a_pause_that_comes_often_is_no_stall_and_one_that_came_once_is() {
    let mut gaps = Gaps::default();
    for gap in [1.0, 1.0, 30.0, 1.0, 1.0] {
        gaps.saw(gap);
    }
    assert!(gaps.stall_after(0.0) < 10.0);
    for gap in [28.0, 31.0] {
        gaps.saw(gap);
    }
    assert!(gaps.stall_after(0.0) > 60.0);
}

#[test]
fn the_slow_tenth_is_said_only_of_enough_runs() {
    let runs: Vec<(f64, f64)> = (1..=10).map(|run| (f64::from(run) * 10.0, 100.0)).collect();
    assert_eq!(even_runs(&runs[..4]).expect("runs").slow(), None);
    assert_eq!(even_runs(&runs).expect("runs").slow(), Some(90.0));
}

#[test]
fn runs_that_did_not_say_how_much_there_was_to_do_teach_their_time_alone() {
    let run = |seconds: f64| Run { stages: vec![StageRun { seconds, ..StageRun::default() }], ..Run::default() };
    let history = History::learn(1, &[run(40.0), run(42.0), run(38.0)]).map(Arc::new);
    let mut estimator = Estimator::new(1, history);
    estimator.saw(at(0.0, 0.0, 5_000_000.0));
    let guess = estimator.guess(0.0).expect("its kind is known");
    assert!((36.0..44.0).contains(&guess.likely), "{guess:?}");
}

#[test]
fn a_total_that_grows_while_it_goes_on_does_not_keep_it_from_telling() {
    for history in [None, even_runs(&[(100.0, 1000.0), (101.0, 1000.0), (99.0, 1000.0)])] {
        let mut run = Estimator::new(1, history);
        for second in 0..=40 {
            let second = f64::from(second);
            run.saw(at(second, second * 10.0, 980.0 + second / 2.0));
        }
        let estimate = run.estimate(40.0).expect("it moves all the time");
        assert!((55.0..66.0).contains(&estimate.likely), "{estimate:?}");
    }
}

/// A run of 100 units that does one a second for ten seconds, and then nothing for twenty.
fn in_bursts(end: u32, history: Option<Arc<History>>) -> Estimator {
    let mut estimator = Estimator::new(1, history);
    let done = |second: u32| second / 30 * 10 + (second % 30).min(10);
    (0..=end).for_each(|second| estimator.saw(at(f64::from(second), f64::from(done(second)), 100.0)));
    estimator
}

#[test]
fn bursts_that_come_again_are_foreseen_with_their_pauses() {
    // All is done at the end of the tenth burst, after 280 s, whether it is asked in a burst or in a pause.
    for asked in [95, 105, 119] {
        let guess = in_bursts(asked, None).guess(f64::from(asked)).expect("it moves");
        assert!((guess.likely - f64::from(280 - asked)).abs() < 4.0, "asked after {asked} s: {guess:?}");
    }
}

#[test]
fn the_rhythm_of_earlier_runs_is_known_after_the_first_pause() {
    let course: Vec<_> =
        (0..=100).map(|done| (f64::from(done) / 100.0, f64::from(done / 10 * 30 + done % 10))).collect();
    let stage = StageRun { seconds: 280.0, work: Some(100.0), course };
    let run = |rhythm| Run { stages: vec![stage.clone()], usual_gap: 20.0, rhythm };
    let lengths = Lengths { burst: 10.0, pause: 20.0 };
    let history = History::learn(1, &[run(Some(lengths)), run(Some(lengths)), run(None)]).map(Arc::new);
    let guess = in_bursts(35, history).guess(35.0).expect("it moves");
    assert!((guess.likely - 245.0).abs() < 12.0, "{guess:?}");
}

#[test]
fn what_comes_without_regularity_is_no_rhythm() {
    let mut rhythm = Rhythm::new(None);
    for pause in [2.0, 30.0, 5.0, 80.0, 3.0] {
        (0..10).for_each(|_| rhythm.saw(1.0, 1.0, 2.0));
        rhythm.saw(1.0, pause, 2.0);
    }
    assert_eq!(rhythm.lengths(), None);
}
