//! Workers of the model: they register, send heartbeats, expire and die.

use engine::store::{Node, Store, WorkerId};
use model::{Event, JobId};

use super::StoreModel;

/// A worker in the model.
pub(super) struct ModelWorker {
    /// Number of its slot, which its successor takes over.
    place: usize,
    /// Its registration and heartbeat count.
    node: Node,
    /// Whether it is registered as alive.
    alive: bool,
    /// Its state as last seen by another worker, perhaps under an earlier id.
    seen: Node,
}

impl ModelWorker {
    /// Returns a worker that starts in this step.
    pub(super) fn new(place: usize, since: u32) -> Self {
        let node = Node::worker(WorkerId(format!("{place:016x}{since:016x}")));
        Self { place, seen: node.clone(), node, alive: true }
    }

    pub(super) async fn register(&self, store: &dyn Store) {
        store.register(Node { heartbeat: 0, ..self.node.clone() }).await.expect("entered");
    }

    pub(super) fn worker(&self) -> WorkerId {
        self.node.worker.clone()
    }

    pub(super) const fn is_alive(&self) -> bool {
        self.alive
    }
}

impl StoreModel {
    /// Sends a heartbeat. A worker that was removed registers again under its id and reads which jobs it still holds;
    /// it may write to its lost jobs for a while.
    pub(super) async fn heartbeat(&mut self, store: &dyn Store, process: usize) {
        let ModelWorker { node, alive, .. } = &mut self.workers[process];
        assert_eq!(store.heartbeat(&node.worker).await.expect("answered"), *alive, "whether it counts as living");
        node.heartbeat = if *alive { node.heartbeat + 1 } else { 0 };
        if !std::mem::replace(alive, true) {
            self.workers[process].register(store).await;
        }
        let worker = self.workers[process].worker();
        let held: Vec<JobId> =
            store.held_attempts(&worker).await.expect("read").into_iter().map(|(job, _)| job).collect();
        assert_eq!(held, self.held_jobs(&worker), "what it still holds");
    }

    /// Another worker expires this one. It loses its jobs only if it sent no heartbeat since it was last seen.
    pub(super) async fn expire(&mut self, store: &dyn Store, process: usize, looked: bool) {
        if looked {
            let living = store.nodes().await.expect("read");
            let process = &mut self.workers[process];
            process.seen =
                living.into_iter().find(|node| node.worker == process.node.worker).unwrap_or(process.seen.clone());
        }
        let ModelWorker { node, alive, seen, .. } = &mut self.workers[process];
        let silent = *alive && (&node.worker, node.heartbeat) == (&seen.worker, seen.heartbeat);
        *alive &= !silent;
        let seen = seen.clone();
        let lost = if silent { self.held_jobs(&seen.worker) } else { Vec::new() };
        let before = self.position().await;
        assert_eq!(store.expire(&[seen]).await.expect("settled"), lost);
        if lost.is_empty() {
            assert_eq!(self.position().await, before, "who has beaten since, or held nothing, has lost nothing");
        }
        self.lose_jobs(lost);
    }

    /// The worker dies and returns under a new id; it may still write to jobs that it claimed under the old one.
    pub(super) async fn die(&mut self, store: &dyn Store, process: usize) {
        let ModelWorker { place, seen, .. } = &self.workers[process];
        let reborn = ModelWorker { seen: seen.clone(), ..ModelWorker::new(*place, self.steps) };
        let dead = std::mem::replace(&mut self.workers[process], reborn).worker();
        let lost = self.held_jobs(&dead);
        assert_eq!(store.settle(&[dead]).await.expect("settled"), lost);
        self.workers[process].register(store).await;
        self.lose_jobs(lost);
    }

    /// Returns the jobs that a worker holds and has not lost.
    fn held_jobs(&self, worker: &WorkerId) -> Vec<JobId> {
        let held = self.held.iter().filter(|held| held.claimed.fence.worker == *worker && self.is_valid(held));
        let mut jobs: Vec<JobId> = held.map(|held| held.claimed.fence.job).collect();
        jobs.sort_unstable();
        jobs
    }

    /// Applies the loss of a worker to its jobs.
    fn lose_jobs(&mut self, jobs: Vec<JobId>) {
        for job in jobs {
            let known = self.jobs[&job];
            if known.cancel_requested || known.charged >= known.max_attempts {
                self.apply(job, Event::WorkerLost);
                continue;
            }
            // It is queued again at its position, or paused if a pause was requested.
            self.apply(job, Event::RetryLater);
            self.apply(job, if known.pause_requested { Event::Pause } else { Event::Due });
            self.known(job).queued_in_step = known.queued_in_step;
        }
    }

    /// Compares the registered workers and their heartbeats.
    pub(super) async fn compare_workers(&self) {
        let nodes = self.test.store.nodes().await.expect("read");
        // The workers of other tests are registered too and idle.
        let ours = |node: &&Node| node.worker.0.starts_with("00");
        let mut registered: Vec<_> = nodes.iter().filter(ours).map(|node| (&node.worker.0, node.heartbeat)).collect();
        let alive = self.workers.iter().filter(|process| process.alive);
        let mut expected: Vec<_> = alive.map(|process| (&process.node.worker.0, process.node.heartbeat)).collect();
        registered.sort_unstable();
        expected.sort_unstable();
        assert_eq!(registered, expected, "the registered workers");
    }
}
