//! Single-flight: concurrent reads of the same key share one read.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::Hash,
    mem,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use engine::{Error, Result};
use futures_util::{FutureExt as _, future::BoxFuture};
use tokio::sync::oneshot;

/// Runs at most one read per key at a time. A caller that arrives during a read waits, with all others who do, for the
/// next one: so it never gets a result that was read before it asked, and a crowd costs two reads.
pub(super) struct SingleFlight<K, V> {
    read: Box<dyn Fn(K) -> BoxFuture<'static, Result<V>> + Send + Sync>,
    /// The callers of the next read. A key is present for as long as a task runs its reads.
    waiting: Mutex<HashMap<K, Vec<Caller<V>>>>,
}

type Caller<V> = oneshot::Sender<Result<V, Arc<Error>>>;

impl<K, V> SingleFlight<K, V>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    pub(super) fn new<R>(read: impl Fn(K) -> R + Send + Sync + 'static) -> Arc<Self>
    where
        R: Future<Output = Result<V>> + Send + 'static,
    {
        Arc::new(Self { read: Box::new(move |key| read(key).boxed()), waiting: Mutex::default() })
    }

    /// Returns the value of `key`, from a read that began after this call.
    ///
    /// # Errors
    /// The error of the read, for all callers that share it.
    pub(super) async fn read(self: &Arc<Self>, key: K) -> Result<V, Arc<Error>> {
        let (caller, result) = oneshot::channel();
        let is_first = match self.waiting().entry(key.clone()) {
            Entry::Vacant(entry) => {
                entry.insert(vec![caller]);
                true
            }
            Entry::Occupied(mut entry) => {
                entry.get_mut().push(caller);
                false
            }
        };
        if is_first {
            tokio::spawn(Arc::clone(self).run(key));
        }
        result.await.unwrap_or_else(|_| Err(Arc::new(Error::Unusable("reading a snapshot failed".to_owned()))))
    }

    /// Reads `key` again for as long as callers wait for it.
    async fn run(self: Arc<Self>, key: K) {
        while let Some(callers) = self.next_callers(&key) {
            // A read that panics drops its callers, which then return an error; later callers are not affected.
            let Ok(result) = AssertUnwindSafe((self.read)(key.clone())).catch_unwind().await else { continue };
            let result = result.map_err(Arc::new);
            for caller in callers {
                // Fails if the caller was dropped.
                let _ = caller.send(result.clone());
            }
        }
    }

    /// Takes the callers that still wait. Removes the key and returns `None` if there are none.
    fn next_callers(&self, key: &K) -> Option<Vec<Caller<V>>> {
        let mut waiting = self.waiting();
        let mut callers = waiting.get_mut(key).map(mem::take).unwrap_or_default();
        callers.retain(|caller| !caller.is_closed());
        if callers.is_empty() {
            waiting.remove(key);
            return None;
        }
        Some(callers)
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<K, Vec<Caller<V>>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
