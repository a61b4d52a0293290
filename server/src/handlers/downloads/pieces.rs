//! Pieces of long downloads that are read from the store.

use std::{panic, sync::Arc, thread};

use tokio::{runtime::Handle, sync::Semaphore, task::spawn_blocking};

/// The most pieces built at once: pages keep most of the store's readers.
const MOST_AT_ONCE: usize = 2;

/// Builds pieces on blocking threads, at most half as many at once as there are cores and [`MOST_AT_ONCE`]. The others wait
/// in order, so that many downloads share what one could take, and delay no page. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Pieces(Arc<Semaphore>);

impl Pieces {
    pub(crate) fn new() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self(Arc::new(Semaphore::new((cores / 2).clamp(1, MOST_AT_ONCE))))
    }

    /// Runs `work`, which reads and formats one piece.
    ///
    /// # Errors
    /// Those of `work`; `Error::ShuttingDown` where the runtime ends.
    pub(crate) async fn build<T: Send + 'static>(
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
