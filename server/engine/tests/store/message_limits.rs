//! Limits of messages and notes.

use engine::{
    Error,
    access::Visibility,
    store::{Attribution, MAX_MESSAGES_KEPT, MAX_NOTES_PER_JOB, NewMessage},
};
use model::{MessageTo, Seq, Tone};
use rusqlite::Connection;

use super::{FILE, open, support::new_job};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_and_notes_are_bounded() {
    let test = open().await;
    let store = &*test.store;
    let job = store.enqueue(new_job("a")).await.expect("accepted");
    // Their sequence numbers precede those of later events.
    let other = Connection::open(test.folder.path().join(FILE)).expect("it opens");
    other
        .execute_batch(&format!(
            "with recursive nth (n) as (select 1 - {MAX_MESSAGES_KEPT} union all select n + 1 from nth where n < 0)
            insert into message (id, at, by, tone, text) select n, {now}, 'ann', 'info', n from nth;
            with recursive nth (n) as (select 1 - {MAX_NOTES_PER_JOB} union all select n + 1 from nth where n < 0)
            insert into job_note (id, job, at, by, text) select n, {job}, 0, 'ann', n from nth;",
            now = 500_000 * super::support::HOUR,
        ))
        .expect("it is written");
    let new =
        |to| NewMessage { by: Attribution::from("ann"), to, text: "one more".to_owned(), tone: Tone::Info, key: None };
    store.send_message(new(MessageTo::Everyone)).await.expect("told");
    let oldest = Some(Seq(3 - MAX_MESSAGES_KEPT));
    let page = store.messages(&Visibility::default(), oldest, 9).await.expect("read");
    assert_eq!(page.messages.iter().map(|message| message.number.0).collect::<Vec<_>>(), [2 - MAX_MESSAGES_KEPT]);
    let refused = store.send_message(new(MessageTo::Note { job })).await.expect_err("it has enough");
    assert!(matches!(refused, Error::Refused { code: "too_many_notes", .. }));
    assert_eq!(store.notes(job, u32::MAX).await.expect("read").len() as i64, MAX_NOTES_PER_JOB);
}
