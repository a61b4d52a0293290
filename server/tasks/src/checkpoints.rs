//! Checkpoints during asynchronous work.

use std::convert::Infallible;

use engine::{Ctx, TaskError};

/// Runs `work` and calls `save` whenever a checkpoint is due, and once more after a cancel, so that the next attempt
/// loses no work.
pub(crate) async fn with_checkpoints<T, Saving>(
    ctx: &Ctx,
    save: impl Fn() -> Saving,
    work: impl Future<Output = Result<T, TaskError>>,
) -> Result<T, TaskError>
where
    Saving: Future<Output = Result<(), TaskError>>,
{
    let keep = async {
        loop {
            ctx.checkpoint_due().await;
            save().await?;
        }
    };
    let done = tokio::select! {
        biased;
        done = work => done,
        failed = keep => {
            let failed: Result<Infallible, TaskError> = failed;
            match failed? {}
        }
    };
    if matches!(done, Err(TaskError::Cancelled)) {
        save().await?;
    }
    done
}
