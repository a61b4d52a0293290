//! Long blocking work in turns.

use std::{
    ops::ControlFlow,
    time::{Duration, Instant},
};

use engine::{Ctx, TaskError};

/// How long one turn holds a thread of the blocking pool. Long enough that handing over costs nothing, short enough
/// that jobs which share the pool all move.
const TURN: Duration = Duration::from_millis(100);

/// Calls `step` on the blocking pool until it breaks, and answers `state`. Between turns the thread goes to whoever
/// waits for it; between steps a cancel takes effect, so a step does a chunk of work and no more.
pub(super) async fn in_slices<S, F>(ctx: &Ctx, mut state: S, step: F) -> Result<S, TaskError>
where
    S: Send + 'static,
    F: Fn(&mut S) -> Result<ControlFlow<()>, TaskError> + Clone + Send + 'static,
{
    loop {
        let (step, own) = (step.clone(), ctx.clone());
        let turn = move || {
            let until = Instant::now() + TURN;
            loop {
                own.check()?;
                if step(&mut state)?.is_break() {
                    return Ok((state, ControlFlow::Break(())));
                }
                if Instant::now() >= until {
                    return Ok((state, ControlFlow::Continue(())));
                }
            }
        };
        match ctx.blocking(turn).await? {
            (done, ControlFlow::Break(())) => return Ok(done),
            (unfinished, ControlFlow::Continue(())) => state = unfinished,
        }
    }
}
