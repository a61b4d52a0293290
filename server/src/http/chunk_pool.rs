//! Limit on the chunks of long downloads that are read from the store at a time.

use std::{panic, sync::Arc, thread};

use tokio::{runtime::Handle, sync::Semaphore, task::spawn_blocking};

/// Most chunks at a time: most readers of the store are for pages.
const MAX_PARALLEL: usize = 2;

/// Builds pieces on blocking threads, at most half as many at once as there are cores and [`MAX_PARALLEL`]. The others
/// wait in order, so that many downloads share what one could take, and delay no page. Cheap to clone.
#[derive(Clone)]
pub(crate) struct ChunkPool(Arc<Semaphore>);

impl ChunkPool {
    pub(crate) fn new() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self(Arc::new(Semaphore::new((cores / 2).clamp(1, MAX_PARALLEL))))
    }

    /// Runs `work`, which reads and formats one chunk.
    ///
    /// # Errors
    /// Those of `work`; `Error::ShuttingDown` where the runtime ends.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = engine::Result<T>> + Send + 'static,
    ) -> engine::Result<T> {
        let permit = Arc::clone(&self.0).acquire_owned().await.map_err(|_| engine::Error::ShuttingDown)?;
        let runtime = Handle::current();
        let built = spawn_blocking(move || {
            let piece = runtime.block_on(work);
            drop(permit);
            piece
        });
        match built.await {
            Ok(piece) => piece,
            Err(failed) if failed.is_panic() => panic::resume_unwind(failed.into_panic()),
            Err(_) => Err(engine::Error::ShuttingDown),
        }
    }
}
