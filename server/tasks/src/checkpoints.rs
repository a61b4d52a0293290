//! Checkpoints beside the work.

use std::convert::Infallible;

use engine::{Ctx, TaskError};

/// Does `work`, and meanwhile, whenever a checkpoint is due, what `save` answers; once more when the work was asked to stop
/// and has, so that the next attempt need not do again what was done since.
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
