//! Messages and notes.

use engine::{
    Error,
    access::Visibility,
    store::{Attribution, NewMessage, SentMessage, Store},
};
use model::{JobId, MessageEvent, MessageTo, Seq, StreamEvent, Tone};

use super::super::support::{HOUR, TestStore, claim_one, finish, new_job, succeeded};

fn new(by: &str, to: MessageTo, text: &str) -> NewMessage {
    NewMessage { by: Attribution::from(by), to, text: text.to_owned(), tone: Tone::Info, key: None }
}

fn to(user: &str) -> MessageTo {
    MessageTo::User { user: user.to_owned() }
}

async fn send(store: &dyn Store, message: NewMessage) -> MessageEvent {
    let SentMessage { message, again } = store.send_message(message).await.expect("told");
    assert!(!again);
    message
}

fn seen_by(name: &str) -> Visibility {
    Visibility { own: name.into(), ..Visibility::default() }
}

/// Returns the texts that a user can see, newest first.
async fn texts(store: &dyn Store, visibility: &Visibility) -> Vec<String> {
    let page = store.messages(visibility, None, 100).await.expect("read");
    page.messages.into_iter().map(|message| message.text).collect()
}

/// Returns an ended job.
async fn ended(store: &dyn Store, kind: &str) -> JobId {
    let job = store.enqueue(new_job(kind)).await.expect("accepted");
    let claimed = claim_one(store, kind).await;
    store.finish(finish(&claimed.fence, succeeded())).await.expect("ended");
    job
}

pub(crate) async fn message_is_an_event_with_seq(test: TestStore) {
    let store = &*test.store;
    let job = store.enqueue(new_job("a")).await.expect("accepted");
    let before = store.position().await.expect("read").seq;
    let everyone = MessageTo::Everyone;
    let mut sent = Vec::new();
    for to in [everyone, to("mei"), MessageTo::Job { job }, MessageTo::Note { job }] {
        let message = NewMessage { tone: Tone::Warning, ..new("ann", to, "Two\nlines, ünïcode and \"quotes\"") };
        sent.push(send(store, message).await);
    }
    assert_eq!(sent.iter().map(|one| one.number.0 - before.0).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(sent.iter().map(|one| one.tone).filter(|tone| *tone == Tone::Warning).count(), 3, "a note is plain");
    let replayed = store.events_after(before, 100).await.expect("read").expect("kept");
    let recorder = test.recorder.events();
    for events in [&replayed[..], &recorder[recorder.len() - 4..]] {
        for (event, sent) in events.iter().zip(&sent) {
            assert_eq!((event.seq, event.job), (sent.number, sent.to.job()));
            assert_eq!(event.event, StreamEvent::Message(sent.clone()));
        }
    }
    let page = store.messages(&seen_by("mei"), None, 100).await.expect("read");
    assert_eq!(page.messages, [sent[2].clone(), sent[1].clone(), sent[0].clone()], "as they were sent");
    assert_eq!(store.notes(job, 100).await.expect("read"), sent[3..]);
}

pub(crate) async fn direct_message_is_visible_to_sender_and_recipient(test: TestStore) {
    let store = &*test.store;
    send(store, new("ann", MessageTo::Everyone, "all")).await;
    send(store, new("ann", to("mei"), "to mei")).await;
    send(store, new("mei", to("ann"), "to ann")).await;
    send(store, new("bob", to("bob"), "to himself")).await;
    for name in ["ann", "mei"] {
        assert_eq!(texts(store, &seen_by(name)).await, ["to ann", "to mei", "all"], "{name}");
    }
    assert_eq!(texts(store, &seen_by("bob")).await, ["to himself", "all"]);
    assert_eq!(texts(store, &seen_by("root")).await, ["all"], "whatever the role");
}

pub(crate) async fn job_message_has_visibility_and_lifetime_of_its_job(test: TestStore) {
    let store = &*test.store;
    let (open, private) = (ended(store, "open").await, ended(store, "private").await);
    for (job, text) in [(open, "open"), (private, "private")] {
        send(store, new("bob", MessageTo::Job { job }, text)).await;
        send(store, new("bob", MessageTo::Note { job }, text)).await;
    }
    let narrow = |own: &str| Visibility { hidden: ["private".to_owned()].into(), own: own.into() };
    assert_eq!(texts(store, &narrow("ann")).await, ["private", "open"], "it is her job");
    assert_eq!(texts(store, &narrow("mei")).await, ["open"]);
    assert_eq!(texts(store, &seen_by("root")).await, ["private", "open"]);
    store.delete(private, &"ann".into()).await.expect("deleted");
    assert_eq!(texts(store, &seen_by("root")).await, ["open"]);
    assert_eq!(store.notes(private, 9).await.expect("read"), []);
    let refused = store.send_message(new("ann", MessageTo::Note { job: private }, "late")).await.expect_err("refused");
    assert!(matches!(refused, Error::NoSuchJob(job) if job == private));
}

pub(crate) async fn message_key_is_idempotent(test: TestStore) {
    let store = &*test.store;
    let job = store.enqueue(new_job("a")).await.expect("accepted");
    for to in [MessageTo::Everyone, MessageTo::Note { job }] {
        let keyed = NewMessage { key: Some("k".to_owned()), ..new("ann", to, "once") };
        let message = send(store, keyed.clone()).await;
        let position = store.position().await.expect("read");
        assert_eq!(store.send_message(keyed.clone()).await.expect("known"), SentMessage { message, again: true });
        let other = NewMessage { text: "twice".to_owned(), ..keyed.clone() };
        let refused = store.send_message(other).await.expect_err("the key means another text");
        assert!(matches!(refused, Error::Refused { code: "key_reused", .. }));
        assert_eq!(store.position().await.expect("read"), position, "nothing was sent");
        send(store, NewMessage { by: Attribution::from("bob"), ..keyed }).await;
    }
}

pub(crate) async fn messages_are_paginated(test: TestStore) {
    let store = &*test.store;
    for nth in 1..=5 {
        send(store, new("ann", MessageTo::Everyone, &nth.to_string())).await;
    }
    let (mut before, mut read, mut pages) = (None::<Seq>, Vec::new(), 0);
    loop {
        let page = store.messages(&seen_by("mei"), before, 2).await.expect("read");
        before = page.messages.last().map(|message| message.number);
        read.extend(page.messages.into_iter().map(|message| message.text));
        pages += 1;
        if !page.older {
            break;
        }
    }
    assert_eq!((read.join(" ").as_str(), pages), ("5 4 3 2 1", 3));
}

pub(crate) async fn messages_expire_after_thirty_days_notes_do_not(test: TestStore) {
    let store = &*test.store;
    let job = store.enqueue(new_job("a")).await.expect("accepted");
    send(store, new("ann", MessageTo::Everyone, "old")).await;
    send(store, new("ann", MessageTo::Note { job }, "note")).await;
    test.clock.advance(30 * 24 * HOUR);
    send(store, new("ann", MessageTo::Everyone, "new")).await;
    let forgotten = async {
        while texts(store, &seen_by("mei")).await.len() == 2 {
            // Maintenance runs in separate steps, soon after rows become garbage.
            let litter = ended(store, "b").await;
            store.delete(litter, &"ann".into()).await.expect("deleted");
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), forgotten).await.expect("it is forgotten in time");
    assert_eq!(texts(store, &seen_by("mei")).await, ["new"]);
    assert_eq!(store.notes(job, 9).await.expect("read").len(), 1);
}
