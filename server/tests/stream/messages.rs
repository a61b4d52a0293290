//! Messages between users: which streams receive them, live and in replay.

use std::sync::Arc;

use engine::access::Visibility;
use model::{JobId, MessageTo};
use server::stream::{StreamTiming, Subscriber};

use crate::support::{ledger::Ledger, stream_reader::StreamReader};

fn to(user: &str) -> MessageTo {
    MessageTo::User { user: user.to_owned() }
}

fn named(name: &str) -> Subscriber {
    Subscriber { visibility: Visibility { own: name.into(), ..Visibility::default() }, ..Subscriber::default() }
}

/// The text of the next message.
async fn next_message(reader: &mut StreamReader) -> String {
    reader.expect("message").await.data["text"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn message_to_user_reaches_only_their_streams() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    let [ann, mei] = [ledger.router_for(named("ann")).await, ledger.router_for(named("mei")).await];
    let open = async |router, path: &str| {
        let mut reader = StreamReader::get(router, path).await;
        reader.expect("hello").await;
        reader
    };
    let [mut of_ann, mut of_mei] =
        [open(&ann, "/events?topic=messages").await, open(&mei, "/events?topic=messages").await];
    let mut second = open(&mei, "/events?topic=messages").await;
    let mut jobs_only = open(&mei, "/events?topic=jobs").await;
    for reader in [&mut of_ann, &mut of_mei, &mut second, &mut jobs_only] {
        reader.expect("snapshot").await;
    }
    let secret = ledger.message(to("mei"), "for mei");
    let all = ledger.message(MessageTo::Everyone, "for all");
    assert_eq!([secret, all].map(|number| ledger.hub.receivers(number)), [2, 3]);
    assert_eq!(next_message(&mut of_ann).await, "for all");
    for reader in [&mut of_mei, &mut second] {
        assert_eq!([next_message(reader).await, next_message(reader).await], ["for mei", "for all"]);
    }
    let missed = "/events?topic=messages&after=e1.0";
    assert_eq!(next_message(&mut open(&ann, missed).await).await, "for all");
    assert_eq!(next_message(&mut open(&mei, missed).await).await, "for mei");
    ledger.state(1, 1, model::JobState::Running, 1);
    jobs_only.expect("state").await;
}

#[tokio::test]
async fn message_while_a_snapshot_is_read_is_sent_once_after_it() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    let router = ledger.router_for(named("mei")).await;
    let mut reader = StreamReader::get(&router, "/events?topic=messages&topic=jobs").await;
    reader.expect("hello").await;
    // Published before the snapshot is read; and committed before, but published after.
    ledger.message(to("mei"), "early");
    let late = ledger.commit_message(to("mei"), "late");
    let id = reader.expect("snapshot").await.id;
    assert_eq!(id.as_deref(), Some("e1.2"));
    let early = reader.expect("message").await;
    assert_eq!((early.data["text"].as_str(), early.id), (Some("early"), None), "ids only rise");
    ledger.publish(Arc::clone(&late));
    ledger.publish(late);
    let late = reader.expect("message").await;
    assert_eq!((late.data["text"].as_str(), late.id), (Some("late"), None));
    ledger.message(to("mei"), "after");
    let after = reader.expect("message").await;
    assert_eq!((after.data["text"].as_str(), after.id.as_deref()), (Some("after"), Some("e1.3")));
}

#[tokio::test]
async fn job_message_reaches_only_streams_of_the_whole_job() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    ledger.state(1, 1, model::JobState::Running, 1);
    let router = ledger.router_for(named("ann")).await;
    let mut readers = Vec::new();
    for topics in ["job=1", "job=1&topic=messages", "row=1&topic=messages&topic=jobs", "job=2"] {
        let mut reader = StreamReader::get(&router, &format!("/events?{topics}")).await;
        reader.expect("hello").await;
        reader.expect("snapshot").await;
        readers.push(reader);
    }
    let job = JobId(1);
    let numbers = [MessageTo::Job { job }, MessageTo::Note { job }].map(|to| ledger.message(to, "about it"));
    assert_eq!(numbers.map(|number| ledger.hub.receivers(number)), [2, 2]);
    for reader in &mut readers[..2] {
        assert_eq!([next_message(reader).await, next_message(reader).await], ["about it", "about it"], "once each");
    }
    ledger.state(1, 1, model::JobState::Succeeded, 2);
    readers[2].expect("state").await;
}

#[tokio::test]
async fn receiver_counts_are_kept_for_the_latest_messages() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    let router = ledger.router_for(named("ann")).await;
    let mut reader = StreamReader::get(&router, "/events?topic=messages").await;
    reader.expect("hello").await;
    let numbers: Vec<_> = (0..150).map(|_| ledger.message(MessageTo::Everyone, "again")).collect();
    let known = numbers.iter().map(|number| ledger.hub.receivers(*number)).collect::<Vec<_>>();
    assert_eq!((known[49], known[50], known[149]), (0, 1, 1));
}
