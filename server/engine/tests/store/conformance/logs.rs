//! Logs longer than one read.

use engine::store::LogQuery;

use super::super::support::{TestStore, lines, running};

/// Lines per write.
const WRITTEN: u64 = 100;

fn text_of(number: u64) -> String {
    format!("{:>1024}", format!("line {number}."))
}

/// Writes a log of 1,000 lines of 1 KiB: several reads.
async fn long_log(test: &TestStore) -> model::JobId {
    let fence = running(&*test.store, "a").await.fence;
    let texts: Vec<String> = (1..=10 * WRITTEN).map(text_of).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    for (write, texts) in (0..).zip(texts.chunks(WRITTEN as usize)) {
        test.store.append_logs(vec![lines(&fence, write * WRITTEN + 1, texts)]);
    }
    test.store.flush().await.expect("written");
    fence.job
}

pub(crate) async fn long_log_is_read_in_bounded_pages(test: TestStore) {
    let job = long_log(&test).await;
    let (mut read, mut parts, mut from) = (Vec::new(), 0, 50);
    loop {
        let part = test.store.log_from(job, from).await.expect("read");
        let Some((last, _)) = part.last() else { break };
        let bytes: usize = part.iter().map(|(_, line)| line.text.len()).sum();
        assert!(bytes <= 128 << 10, "{bytes} bytes are read at once");
        (from, parts) = (last + 1, parts + 1);
        read.extend(part);
    }
    assert!(parts > 1);
    let numbers: Vec<u64> = read.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, (50..=1_000).collect::<Vec<_>>());
    assert!(read.iter().all(|(number, line)| line.text == text_of(*number)));
}

pub(crate) async fn long_log_page_is_complete(test: TestStore) {
    let job = long_log(&test).await;
    let page = async |query: LogQuery| {
        let page = test.store.log(job, &query).await.expect("read");
        let numbers: Vec<u64> = page.lines.iter().map(|(number, _)| *number).collect();
        (numbers, page.more_before, page.more_after)
    };
    let all = |from: u64, to: u64| (from..=to).collect::<Vec<_>>();
    let filter = |text: &str| Some(text.to_owned());

    let end = page(LogQuery { limit: 900, ..LogQuery::default() }).await;
    assert_eq!(end, (all(101, 1_000), true, false));
    let start = page(LogQuery { from: Some(1), limit: 999, ..LogQuery::default() }).await;
    assert_eq!(start, (all(1, 999), false, true));
    let whole = page(LogQuery { from: Some(1), limit: 1_000, ..LogQuery::default() }).await;
    assert_eq!(whole, (all(1, 1_000), false, false));
    let before = page(LogQuery { before: Some(951), limit: 950, ..LogQuery::default() }).await;
    assert_eq!(before, (all(1, 950), false, true));
    let first = page(LogQuery { text: filter("line 1."), limit: 9, ..LogQuery::default() }).await;
    assert_eq!(first, (vec![1], false, false), "the first of all lines, from the end");
    let last = page(LogQuery { from: Some(1), text: filter("line 1000."), limit: 9, ..LogQuery::default() }).await;
    assert_eq!(last, (vec![1_000], false, false), "the last, from the beginning");
}
