//! Readings that are shared by those who ask for the same at the same time.

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

/// Reads, for each key, one at a time: who asks while a reading is under way waits, together with all others who do,
/// for the one after it. So a crowd that comes at once costs two readings, and what is read was never true only before
/// somebody asked.
pub(super) struct Together<K, V> {
    read: Box<dyn Fn(K) -> BoxFuture<'static, Result<V>> + Send + Sync>,
    /// Who waits for the next reading. A key stands here for as long as somebody sees to its readings.
    asking: Mutex<HashMap<K, Vec<Asking<V>>>>,
}

type Asking<V> = oneshot::Sender<Result<V, Arc<Error>>>;

impl<K, V> Together<K, V>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Reads by `read`.
    pub(super) fn new<R>(read: impl Fn(K) -> R + Send + Sync + 'static) -> Arc<Self>
    where
        R: Future<Output = Result<V>> + Send + 'static,
    {
        Arc::new(Self { read: Box::new(move |key| read(key).boxed()), asking: Mutex::default() })
    }

    /// What `key` names, read after this was called.
    ///
    /// # Errors
    /// That of the reading, for all who share it.
    pub(super) async fn read(self: &Arc<Self>, key: K) -> Result<V, Arc<Error>> {
        let (tell, told) = oneshot::channel();
        let alone = match self.asking().entry(key.clone()) {
            Entry::Vacant(nobody) => {
                nobody.insert(vec![tell]);
                true
            }
            Entry::Occupied(mut others) => {
                others.get_mut().push(tell);
                false
            }
        };
        if alone {
            tokio::spawn(Arc::clone(self).see_to(key));
        }
        told.await.unwrap_or_else(|_| Err(Arc::new(Error::Unusable("reading what a stream shows broke".to_owned()))))
    }

    /// Reads for as long as somebody asks.
    async fn see_to(self: Arc<Self>, key: K) {
        while let Some(asking) = self.next(&key) {
            // A reading that panics leaves those without an answer who asked for it, and nobody else.
            let Ok(reading) = AssertUnwindSafe((self.read)(key.clone())).catch_unwind().await else { continue };
            let reading = reading.map_err(Arc::new);
            for asking in asking {
                // Whoever is gone needs no answer.
                let _ = asking.send(reading.clone());
            }
        }
    }

    /// Who asks by now and is still there; `None` where nobody does.
    fn next(&self, key: &K) -> Option<Vec<Asking<V>>> {
        let mut all = self.asking();
        let mut asking = all.get_mut(key).map(mem::take).unwrap_or_default();
        asking.retain(|asking| !asking.is_closed());
        if asking.is_empty() {
            all.remove(key);
            return None;
        }
        Some(asking)
    }

    fn asking(&self) -> MutexGuard<'_, HashMap<K, Vec<Asking<V>>>> {
        self.asking.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
