//! Changes of schedules: which streams receive them, live and in replay.

use engine::access::Visibility;
use server::stream::{StreamTiming, Subscriber};

use crate::support::{ledger::Ledger, stream_reader::StreamReader};

/// A user who sees only their own jobs of `secret`.
fn named(name: &str) -> Subscriber {
    let hidden = [String::from("secret")].into();
    Subscriber { visibility: Visibility { own: name.into(), hidden }, ..Subscriber::default() }
}

async fn next_schedule(reader: &mut StreamReader) -> i64 {
    reader.expect("schedule").await.data["schedule"].as_i64().unwrap()
}

#[tokio::test]
async fn change_of_schedule_reaches_only_streams_that_may_see_its_jobs() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    let [ann, mei] = [ledger.router_for(named("ann")).await, ledger.router_for(named("mei")).await];
    let mut open = Vec::new();
    for router in [&ann, &mei] {
        let mut reader = StreamReader::get(router, "/events?topic=jobs").await;
        reader.expect("hello").await;
        reader.expect("snapshot").await;
        open.push(reader);
    }
    ledger.schedule(1, "secret", "ann");
    ledger.schedule(2, "demo", "ann");
    assert_eq!([next_schedule(&mut open[0]).await, next_schedule(&mut open[0]).await], [1, 2]);
    assert_eq!(next_schedule(&mut open[1]).await, 2);
    for (router, numbers) in [(&ann, &[1, 2][..]), (&mei, &[2])] {
        let mut reader = StreamReader::get(router, "/events?topic=jobs&after=e1.0").await;
        reader.expect("hello").await;
        for number in numbers {
            assert_eq!(next_schedule(&mut reader).await, *number);
        }
    }
}
