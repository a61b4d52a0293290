//! Long blocking work in turns.

use std::{
    ops::ControlFlow,
    time::{Duration, Instant},
};

use engine::{Ctx, TaskError};
use serde::Serialize;

/// How long one turn holds a thread of the blocking pool. Long enough that handing over costs nothing, short enough
/// that jobs which share the pool all move.
const TURN: Duration = Duration::from_millis(100);

/// Calls `step` on the blocking pool until it breaks, and answers `state`. Between turns the thread goes to whoever
/// waits for it; between steps a cancel takes effect, so a step does a chunk of work and no more.
pub(crate) async fn in_time_slices<S, F>(ctx: &Ctx, mut state: S, step: F) -> Result<S, TaskError>
where
    S: Send + 'static,
    F: Fn(&mut S) -> Result<ControlFlow<()>, TaskError> + Clone + Send + 'static,
{
    loop {
        match turn(ctx, state, step.clone(), |_| false).await? {
            (done, ControlFlow::Break(())) => return Ok(done),
            (unfinished, ControlFlow::Continue(())) => state = unfinished,
        }
    }
}

/// The same, and whenever a checkpoint is due, one of what `save` makes of the state.
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
        match turn(ctx, state, step.clone(), Ctx::is_checkpoint_due).await? {
            (done, ControlFlow::Break(())) => return Ok(done),
            (unfinished, ControlFlow::Continue(())) => state = unfinished,
        }
        if ctx.is_checkpoint_due() {
            let saving = ctx.checkpoint(&save(&mut state)?);
            saving.await?;
        }
    }
}

/// One turn of steps. It ends early where `is_wanted` says that something else is to be done in between.
async fn turn<S, F>(
    ctx: &Ctx,
    mut state: S,
    step: F,
    is_wanted: fn(&Ctx) -> bool,
) -> Result<(S, ControlFlow<()>), TaskError>
where
    S: Send + 'static,
    F: Fn(&mut S) -> Result<ControlFlow<()>, TaskError> + Send + 'static,
{
    let own = ctx.clone();
    ctx.blocking(move || {
        let until = Instant::now() + TURN;
        loop {
            own.check()?;
            let flow = step(&mut state)?;
            if flow.is_break() || Instant::now() >= until || is_wanted(&own) {
                return Ok((state, flow));
            }
        }
    })
    .await
}
