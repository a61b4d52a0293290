//! Progress curves, and recent runs of a kind.

use engine::{
    Curve, CurvePoint,
    store::{Finish, Outcome},
};

use super::super::support::{HOUR, TestStore, claim_one, failed, finish, running, succeeded};

/// Returns a curve that reaches `fraction` after `seconds`.
fn curve(seconds: f32, fraction: f32) -> Curve {
    let at = |seconds, fraction| CurvePoint {
        seconds,
        fraction: Some(fraction),
        rate: None,
        stage: Some(0),
        done: Some(fraction),
    };
    let points = vec![at(0.0, 0.0), at(seconds, fraction)];
    Curve {
        points,
        works: vec![Some(10)],
        units: vec!["rows".to_owned()],
        usual_gap: 0.5,
        longest_gap: 2.0,
        rhythm: None,
    }
}

pub(crate) async fn curve_is_stored_during_and_at_end_of_attempt(test: TestStore) {
    let claimed = running(test.store.as_ref(), "a").await;
    let (job, fence) = (claimed.view.job, &claimed.fence);
    assert_eq!(test.store.curve(job, 1).await.expect("read"), None);
    test.store.save_curves(vec![(fence.clone(), curve(5.0, 0.2))]);
    test.store.save_curves(vec![(fence.clone(), curve(9.0, 0.4))]);
    test.store.flush().await.expect("written");
    assert_eq!(test.store.curve(job, 1).await.expect("read"), Some(curve(9.0, 0.4)));
    let end = Finish { curve: Some(curve(20.0, 1.0)), ..finish(fence, failed()) };
    test.store.finish(end).await.expect("finished");
    assert_eq!(test.store.curve(job, 1).await.expect("read"), Some(curve(20.0, 1.0)));
    // A fenced worker changes nothing.
    test.store.save_curves(vec![(fence.clone(), curve(9.0, 0.4))]);
    test.store.flush().await.expect("written");
    assert_eq!(test.store.curve(job, 1).await.expect("read"), Some(curve(20.0, 1.0)));

    test.store.retry(job, &"ann".into()).await.expect("retried");
    let again = claim_one(test.store.as_ref(), "a").await;
    let end = Finish { curve: Some(curve(7.0, 1.0)), ..finish(&again.fence, succeeded()) };
    test.store.finish(end).await.expect("finished");
    assert_eq!(test.store.curve(job, 1).await.expect("read"), Some(curve(20.0, 1.0)), "each attempt has its own");
    assert_eq!(test.store.curve(job, 2).await.expect("read"), Some(curve(7.0, 1.0)));
    test.store.delete(job, &"ann".into()).await.expect("deleted");
    assert_eq!(test.store.curve(job, 2).await.expect("read"), None);
}

pub(crate) async fn recent_runs_include_only_successes(test: TestStore) {
    let end = async |outcome: Outcome, curve: Option<Curve>| {
        let claimed = running(test.store.as_ref(), "a").await;
        test.clock.advance(HOUR / 3_600);
        let end = Finish { stage_seconds: vec![0.25, 0.75], curve, ..finish(&claimed.fence, outcome) };
        test.store.finish(end).await.expect("finished");
    };
    end(succeeded(), Some(curve(1.0, 1.0))).await;
    end(failed(), Some(curve(2.0, 0.1))).await;
    end(succeeded(), None).await;
    let runs = test.store.recent_runs("a").await.expect("read");
    let curves: Vec<_> = runs.iter().map(|run| run.curve.clone()).collect();
    assert_eq!(curves, [Curve::default(), curve(1.0, 1.0)], "newest first");
    assert!(runs.iter().all(|run| run.stage_seconds == [0.25, 0.75] && (run.seconds - 1.0).abs() < 1e-6), "{runs:?}");
    assert!(test.store.recent_runs("b").await.expect("read").is_empty());
}
