//! Batches: many small items in one attempt, several at a time.

use std::{collections::VecDeque, fmt::Display};

use futures_util::stream::{FuturesUnordered, StreamExt};
use model::{Failure, Level};

use crate::{Ctx, TaskError, runtime::panics};

/// The result of a batch.
#[derive(Debug)]
pub struct Batch<I, T> {
    /// One for each item that was taken, in order.
    pub items: Vec<ItemOutcome<I, T>>,
    /// Number of failed items.
    pub failed: u64,
}

/// One item of a batch.
#[derive(Debug)]
pub struct ItemOutcome<I, T> {
    /// The item, as given to the batch.
    pub item: I,
    /// Its result, or the code and message of its error.
    pub result: Result<T, Failure>,
}

/// Processes `items`, after `done` others; see [`Ctx::batch_after`].
pub(crate) async fn run<I, T, F, Fut>(
    ctx: &Ctx,
    done: u64,
    items: Vec<I>,
    concurrency: usize,
    unit: &'static str,
    work: F,
) -> Result<Batch<I, T>, TaskError>
where
    I: Clone + Display,
    F: Fn(I) -> Fut,
    Fut: Future<Output = Result<T, TaskError>>,
{
    ctx.total(done + items.len() as u64, unit);
    ctx.continue_at(done);
    let concurrency = concurrency.max(1);
    let mut outcomes: Vec<Option<ItemOutcome<I, T>>> = std::iter::repeat_with(|| None).take(items.len()).collect();
    let mut waiting: VecDeque<(usize, I)> = items.into_iter().enumerate().collect();
    let mut running = FuturesUnordered::new();
    let mut failed = 0;
    loop {
        while running.len() < concurrency && !ctx.is_cancelled() {
            let Some((index, item)) = waiting.pop_front() else { break };
            let work = &work;
            running.push(async move {
                // The call itself may panic before it returns a future.
                let ended = panics::caught(async { work(item.clone()).await }).await;
                (index, item, ended)
            });
        }
        let Some((index, item, ended)) = running.next().await else { break };
        let result = match ended {
            Ok(Ok(output)) => Ok(output),
            // Stopped in the middle: the item counts as not taken.
            Ok(Err(TaskError::Cancelled | TaskError::Paused)) => continue,
            Ok(Err(TaskError::Retry(fault) | TaskError::Fatal(fault))) => Err(fault.into()),
            Ok(Err(later @ TaskError::Snooze(_))) => {
                Err(Failure { code: "snoozed".to_owned(), message: format!("an item cannot wait: {later}") })
            }
            Err(panicked) => {
                ctx.log(Level::Debug, format!("{item}: {}", panicked.trace));
                Err(Failure { code: "panic".to_owned(), message: format!("panicked: {}", panicked.message) })
            }
        };
        if let Err(failure) = &result {
            failed += 1;
            ctx.warn(format!("{item}: {}", failure.message));
        }
        outcomes[index] = Some(ItemOutcome { item, result });
        ctx.advance(1);
    }
    ctx.check()?;
    Ok(Batch { items: outcomes.into_iter().flatten().collect(), failed })
}
