//! What people write: whom it reaches, live and in what was missed.

use engine::access::Visibility;
use model::{JobId, MessageTo};
use server::stream::{StreamTiming, Subscriber};

use crate::{ledger::Ledger, reader::Reader};

fn to(user: &str) -> MessageTo {
    MessageTo::User { user: user.to_owned() }
}

fn named(name: &str) -> Subscriber {
    Subscriber { visibility: Visibility { own: name.into(), ..Visibility::default() }, ..Subscriber::default() }
}

/// The next message that a reader receives.
async fn heard(reader: &mut Reader) -> String {
    reader.expect("message").await.data["text"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_message_to_one_person_reaches_their_streams_alone_live_and_in_replay() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    let [ann, mei] = [ledger.router_for(named("ann")).await, ledger.router_for(named("mei")).await];
    let open = async |router, path: &str| {
        let mut reader = Reader::get(router, path).await;
        reader.expect("hello").await;
        reader
    };
    let [mut of_ann, mut of_mei] =
        [open(&ann, "/events?topic=messages").await, open(&mei, "/events?topic=messages").await];
    let mut second = open(&mei, "/events?topic=messages").await;
    let mut deaf = open(&mei, "/events?topic=jobs").await;
    for reader in [&mut of_ann, &mut of_mei, &mut second, &mut deaf] {
        reader.expect("snapshot").await;
    }
    let secret = ledger.message(to("mei"), "for mei");
    let all = ledger.message(MessageTo::Everyone, "for all");
    assert_eq!([secret, all].map(|number| ledger.hub.receivers(number)), [2, 3]);
    assert_eq!(heard(&mut of_ann).await, "for all");
    for reader in [&mut of_mei, &mut second] {
        assert_eq!([heard(reader).await, heard(reader).await], ["for mei", "for all"]);
    }
    let missed = "/events?topic=messages&after=e1.0";
    assert_eq!(heard(&mut open(&ann, missed).await).await, "for all");
    assert_eq!(heard(&mut open(&mei, missed).await).await, "for mei");
    ledger.state(1, 1, model::JobState::Running, 1);
    deaf.expect("state").await;
}

#[tokio::test]
async fn what_is_written_about_a_job_reaches_who_shows_it_whole() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    ledger.state(1, 1, model::JobState::Running, 1);
    let router = ledger.router_for(named("ann")).await;
    let mut readers = Vec::new();
    for topics in ["job=1", "job=1&topic=messages", "row=1&topic=messages&topic=jobs", "job=2"] {
        let mut reader = Reader::get(&router, &format!("/events?{topics}")).await;
        reader.expect("hello").await;
        reader.expect("snapshot").await;
        readers.push(reader);
    }
    let job = JobId(1);
    let told = [MessageTo::Job { job }, MessageTo::Note { job }].map(|to| ledger.message(to, "about it"));
    assert_eq!(told.map(|number| ledger.hub.receivers(number)), [2, 2]);
    for reader in &mut readers[..2] {
        assert_eq!([heard(reader).await, heard(reader).await], ["about it", "about it"], "once each");
    }
    ledger.state(1, 1, model::JobState::Succeeded, 2);
    readers[2].expect("state").await;
}

#[tokio::test]
async fn how_many_were_told_is_known_of_the_last_messages() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    let router = ledger.router_for(named("ann")).await;
    let mut reader = Reader::get(&router, "/events?topic=messages").await;
    reader.expect("hello").await;
    let numbers: Vec<_> = (0..150).map(|_| ledger.message(MessageTo::Everyone, "again")).collect();
    let known = numbers.iter().map(|number| ledger.hub.receivers(*number)).collect::<Vec<_>>();
    assert_eq!((known[49], known[50], known[149]), (0, 1, 1));
}
