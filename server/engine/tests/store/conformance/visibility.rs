//! Visibility of other users' jobs, and quotas of uploads and inputs.

use engine::{
    Error,
    access::Visibility,
    store::{Attribution, ListQuery, NewJob, PageAt, Store, UploadQuota, UploadRow},
};
use model::{JobId, JobState, Micros};

use super::super::support::{TestStore, claim_one, failed, finish, new_job};

/// Returns the visibility of `mei` with the private kind `private`.
fn visibility() -> Visibility {
    Visibility { hidden: ["private".to_owned()].into(), own: "mei".into() }
}

async fn start(store: &dyn Store, kind: &str, by: &str) -> JobId {
    store.enqueue(NewJob { by: by.into(), ..new_job(kind) }).await.expect("accepted")
}

async fn listed(store: &dyn Store, query: ListQuery) -> Vec<JobId> {
    let page = store.page(&ListQuery { limit: 100, visibility: visibility(), ..query }).await.expect("read");
    page.jobs.iter().map(|view| view.job).collect()
}

pub(crate) async fn list_shows_only_own_jobs_of_private_kinds(test: TestStore) {
    let store = &*test.store;
    let open = start(store, "open", "ann").await;
    start(store, "private", "ann").await;
    let own = start(store, "private", "mei").await;
    let queued = || vec![JobState::Queued];
    assert_eq!(listed(store, ListQuery::default()).await, [own, open]);
    assert_eq!(listed(store, ListQuery { states: queued(), ..ListQuery::default() }).await, [own, open]);
    let kind = || Some("private".to_owned());
    assert_eq!(listed(store, ListQuery { kind: kind(), ..ListQuery::default() }).await, [own]);
    let search = Some("try private".to_owned());
    let (from, until) = (Some(Micros(0)), Some(Micros(i64::MAX)));
    let query = ListQuery { states: queued(), kind: kind(), text: search, from, until, ..ListQuery::default() };
    assert_eq!(listed(store, query).await, [own]);
    let whole = store.page(&ListQuery { limit: 100, ..ListQuery::default() }).await.expect("read");
    assert_eq!(whole.jobs.len(), 3);
}

pub(crate) async fn page_stays_full_between_hidden_jobs(test: TestStore) {
    let store = &*test.store;
    let mut seen = Vec::new();
    for nth in 0..60 {
        let job = match nth % 6 {
            0 => start(store, "open", "ann").await,
            3 => start(store, "private", "mei").await,
            _ => {
                start(store, "private", "ann").await;
                continue;
            }
        };
        seen.insert(0, job);
    }
    for states in [Vec::new(), vec![JobState::Queued]] {
        let query = ListQuery { states, limit: 3, visibility: visibility(), ..ListQuery::default() };
        let mut at = None;
        let mut walked = Vec::new();
        loop {
            let page = store.page(&ListQuery { at, ..query.clone() }).await.expect("read");
            assert_eq!((page.jobs.len(), page.newer), (if page.older { 3 } else { 2 }, !walked.is_empty()));
            walked.extend(page.jobs.iter().map(|view| view.job));
            at = page.jobs.last().map(|view| PageAt::OlderThan(view.job));
            if !page.older {
                break;
            }
        }
        assert_eq!(walked, seen);
        let newest_behind = Some(PageAt::NewerThan(seen[3]));
        let back = store.page(&ListQuery { at: newest_behind, ..query }).await.expect("read");
        assert_eq!(back.jobs.iter().map(|view| view.job).collect::<Vec<_>>(), seen[..3]);
        assert!(!back.newer && back.older);
    }
}

pub(crate) async fn overview_shows_only_visible_jobs(test: TestStore) {
    let store = &*test.store;
    let mut went_wrong = Vec::new();
    for (kind, by) in [("open", "ann"), ("private", "ann"), ("private", "mei")] {
        went_wrong.insert(0, start(store, kind, by).await);
        let claimed = claim_one(store, kind).await;
        store.finish(finish(&claimed.fence, failed())).await.expect("ended");
        test.clock.advance(1);
    }
    let attention = async |limit, visibility: &Visibility| -> Vec<JobId> {
        store.attention(limit, visibility).await.expect("read").iter().map(|view| view.job).collect()
    };
    assert_eq!(attention(9, &Visibility::default()).await, went_wrong);
    assert_eq!(attention(2, &visibility()).await, [went_wrong[0], went_wrong[2]]);
    let kinds = async |visibility: &Visibility| -> Vec<String> {
        store.kind_stats(visibility).await.expect("read").into_iter().map(|stats| stats.kind).collect()
    };
    assert_eq!(kinds(&Visibility::default()).await, ["open", "private"]);
    assert_eq!(kinds(&visibility()).await, ["open"]);
    assert_eq!(store.counts().await.expect("read").failed, 3, "totals count all");
}

pub(crate) async fn quota_counts_uploads_of_a_user(test: TestStore) {
    let store = &*test.store;
    let save = async |id: &str, by: Option<&str>, bytes| {
        let by = by.map(str::to_owned);
        let quota = UploadQuota { bytes, ..UploadQuota::default() };
        let upload = UploadRow { id: id.to_owned(), name: "a".to_owned(), size: 40, at: Micros(1), by };
        store.save_upload(upload, &Attribution::default(), quota).await
    };
    save("old", None, Some(100)).await.expect("of whom is not known");
    save("bob's", Some("bob"), Some(100)).await.expect("within it");
    for id in ["first", "second"] {
        save(id, Some("mei"), Some(100)).await.expect("within it");
    }
    assert_eq!(store.bytes_sent_by("mei").await.expect("read"), 80);
    let refused = save("third", Some("mei"), Some(100)).await.expect_err("more than she may have");
    assert!(matches!(refused, Error::Quota { used: 80, limit: 100 }));
    assert!(matches!(store.upload("third").await, Err(Error::NoSuchUpload(_))));
    save("third", Some("mei"), None).await.expect("there is none");
    assert_eq!(store.upload("third").await.expect("found").by.as_deref(), Some("mei"));
    store.sweep_uploads(Micros(9)).await.expect("swept");
    assert_eq!(store.bytes_sent_by("mei").await.expect("read"), 0);
    save("third", Some("mei"), Some(100)).await.expect("there is room again");
}

pub(crate) async fn large_input_counts_against_quota_until_job_is_deleted(test: TestStore) {
    let store = &*test.store;
    let of_size = |size: usize, quota| {
        let input = format!("\"{}\"", "x".repeat(size - 2));
        NewJob { input, by: "mei".into(), quota, ..new_job("a") }
    };
    let job = store.enqueue(of_size(10_000, Some(25_000))).await.expect("within it");
    store.enqueue(of_size(4_096, Some(25_000))).await.expect("a small one does not count");
    assert_eq!(store.bytes_sent_by("mei").await.expect("read"), 10_000);
    let upload = UploadRow { id: "u".into(), name: "a".into(), size: 10_000, at: Micros(1), by: Some("mei".into()) };
    let quota = UploadQuota { bytes: Some(25_000), ..UploadQuota::default() };
    store.save_upload(upload.clone(), &"mei".into(), quota).await.expect("within it");
    let refused = store.enqueue(of_size(10_000, Some(25_000))).await.expect_err("more than she may have");
    assert!(matches!(refused, Error::Quota { used: 20_000, limit: 25_000 }), "{refused}");
    let upload = UploadRow { id: "v".into(), ..upload };
    let refused = store.save_upload(upload, &"mei".into(), quota).await.expect_err("more than she may have");
    assert!(matches!(refused, Error::Quota { used: 20_000, limit: 25_000 }), "{refused}");
    let by_bob = NewJob { by: "bob".into(), ..of_size(10_000, Some(25_000)) };
    store.enqueue(by_bob).await.expect("that was mei's");
    store.request_cancel(job, &"mei".into()).await.expect("cancelled");
    store.delete(job, &"mei".into()).await.expect("deleted");
    assert_eq!(store.bytes_sent_by("mei").await.expect("read"), 10_000);
    store.enqueue(of_size(10_000, Some(25_000))).await.expect("there is room again");
}

pub(crate) async fn uploads_per_user_are_bounded(test: TestStore) {
    let store = &*test.store;
    let save = async |id: &str, by: &str| {
        let upload = UploadRow { id: id.into(), name: "a".into(), size: 0, at: Micros(1), by: Some(by.into()) };
        store.save_upload(upload, &by.into(), UploadQuota { bytes: None, files: 2 }).await
    };
    for id in ["one", "two"] {
        save(id, "mei").await.expect("within it");
    }
    let refused = save("three", "mei").await.expect_err("more than she may have");
    assert!(matches!(refused, Error::Refused { code: "too_many_uploads", .. }), "{refused}");
    save("three", "bob").await.expect("those were mei's");
}
