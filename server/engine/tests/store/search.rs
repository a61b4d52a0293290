//! Search: bounded time, no effect on other pages.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use engine::{
    Error,
    store::{ListQuery, NewJob},
};
use futures_util::future::join_all;

use super::{open, support::new_job};

/// Bytes of a title in which every place is the beginning of a word that is searched for, but for its end.
const TITLE: usize = 256 << 10;
const JOBS: usize = 60;

fn query(text: String) -> ListQuery {
    ListQuery { text: Some(text), limit: 1, ..ListQuery::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_search_times_out_without_blocking_pages() {
    let test = open().await;
    for _ in 0..JOBS {
        test.store.enqueue(NewJob { title: "a".repeat(TITLE), ..new_job("a") }).await.expect("accepted");
    }
    test.store.enqueue(new_job("b")).await.expect("accepted");
    let slow = query(format!("{}b", "a".repeat(100)));
    let begin = Instant::now();
    let searches: Vec<_> = (0..12)
        .map(|_| {
            let (store, slow) = (Arc::clone(&test.store), slow.clone());
            tokio::spawn(async move { store.page(&slow).await })
        })
        .collect();
    let newest = ListQuery { limit: 1, ..ListQuery::default() };
    let pages = join_all((0..20).map(|_| test.store.page(&newest))).await;
    assert!(pages.iter().all(|page| page.as_ref().is_ok_and(|page| page.jobs.len() == 1)));
    assert!(searches.iter().any(|search| !search.is_finished()), "pages are not kept waiting");
    for search in join_all(searches).await {
        let refused = search.expect("no panic").expect_err("it takes too long");
        assert!(
            matches!(&refused, Error::Refused { code: "search_too_long" | "searches_busy", .. }),
            "{refused}: it takes two seconds at most"
        );
    }
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
    let found = test.store.page(&query("try b".to_owned())).await.expect("found soon");
    assert_eq!(found.jobs.len(), 1, "a connection that was interrupted is of use again");
}

#[tokio::test]
async fn search_uses_at_most_eight_distinct_words() {
    let test = open().await;
    test.store
        .enqueue(NewJob { title: "one two three four five six seven eight".to_owned(), ..new_job("a") })
        .await
        .expect("accepted");
    let words = "one ONE One two three four five six seven eight";
    assert_eq!(test.store.page(&query(format!("{words} nine"))).await.expect("read").jobs.len(), 1);
    assert_eq!(test.store.page(&query(words.replace("eight", "nine"))).await.expect("read").jobs.len(), 0);
}
