//! Time slices: long blocking work shares the threads of the pool.

use std::{
    ops::ControlFlow,
    time::{Duration, Instant},
};

use engine::{Ctx, TaskError};
use serde::Serialize;

/// Time for which a slice holds a thread of the blocking pool: long enough to make switches cheap, short enough for all
/// jobs of the pool to advance.
const SLICE: Duration = Duration::from_millis(100);

/// Calls `step` on the blocking pool until it breaks. Returns `state`. Other work gets the thread between slices. A
/// cancel takes effect between steps, so a step does one chunk of work.
pub(crate) async fn in_time_slices<S, F>(ctx: &Ctx, mut state: S, step: F) -> Result<S, TaskError>
where
    S: Send + 'static,
    F: Fn(&mut S) -> Result<ControlFlow<()>, TaskError> + Clone + Send + 'static,
{
    loop {
        match run_slice(ctx, state, step.clone(), |_| false).await? {
            (done, ControlFlow::Break(())) => return Ok(done),
            (unfinished, ControlFlow::Continue(())) => state = unfinished,
        }
    }
}

/// Like [`in_time_slices`], with a checkpoint of `save(state)` whenever one is due.
pub(crate) async fn in_checkpointed_slices<S, F, C>(
    ctx: &Ctx,
    mut state: S,
    step: F,
    save: impl Fn(&mut S) -> Result<C, TaskError>,
) -> Result<S, TaskError>
where
    S: Send + 'static,
    F: Fn(&mut S) -> Result<ControlFlow<()>, TaskError> + Clone + Send + 'static,
    C: Serialize,
{
    loop {
        match run_slice(ctx, state, step.clone(), Ctx::is_checkpoint_due).await? {
            (done, ControlFlow::Break(())) => return Ok(done),
            (unfinished, ControlFlow::Continue(())) => state = unfinished,
        }
        if ctx.is_checkpoint_due() {
            let saving = ctx.checkpoint(&save(&mut state)?);
            saving.await?;
        }
    }
}

/// Runs one slice. It ends early if `ends_early` returns true, so that the caller can save a checkpoint.
async fn run_slice<S, F>(
    ctx: &Ctx,
    mut state: S,
    step: F,
    ends_early: fn(&Ctx) -> bool,
) -> Result<(S, ControlFlow<()>), TaskError>
where
    S: Send + 'static,
    F: Fn(&mut S) -> Result<ControlFlow<()>, TaskError> + Send + 'static,
{
    let own = ctx.clone();
    ctx.blocking(move || {
        let until = Instant::now() + SLICE;
        loop {
            own.check()?;
            let flow = step(&mut state)?;
            if flow.is_break() || Instant::now() >= until || ends_early(&own) {
                return Ok((state, flow));
            }
        }
    })
    .await
}
