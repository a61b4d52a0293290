//! The processes of the world: they enter themselves, beat, fall silent, are taken out by others, and die.

use engine::store::{Node, Store, WorkerId};
use model::{Event, JobId};

use super::World;

/// What the model knows of a process.
pub(super) struct Process {
    /// The number of its place, which outlives it.
    place: usize,
    /// How it has entered itself, and how often it has beaten since.
    node: Node,
    /// Whether it counts as living.
    alive: bool,
    /// How another one saw it last. It may have had another name then.
    seen: Node,
}

impl Process {
    /// A process that begins in this step.
    pub(super) fn begin(place: usize, since: u32) -> Self {
        let node = Node::worker(WorkerId(format!("{place:016x}{since:016x}")));
        Self { place, seen: node.clone(), node, alive: true }
    }

    pub(super) async fn enter(&self, store: &dyn Store) {
        store.register(Node { heartbeat: 0, ..self.node.clone() }).await.expect("entered");
    }

    pub(super) fn worker(&self) -> WorkerId {
        self.node.worker.clone()
    }

    pub(super) const fn is_alive(&self) -> bool {
        self.alive
    }
}

impl World {
    /// As its heart does: who learns that it counts as dead enters itself anew, under its name, and asks what it still
    /// holds. What it has lost, it may go on believing in for a while.
    pub(super) async fn beat(&mut self, store: &dyn Store, process: usize) {
        let Process { node, alive, .. } = &mut self.processes[process];
        assert_eq!(store.beat(&node.worker).await.expect("answered"), *alive, "whether it counts as living");
        node.heartbeat = if *alive { node.heartbeat + 1 } else { 0 };
        if !std::mem::replace(alive, true) {
            self.processes[process].enter(store).await;
        }
        let worker = self.processes[process].worker();
        let held: Vec<JobId> = store.held(&worker).await.expect("read").into_iter().map(|(job, _)| job).collect();
        assert_eq!(held, self.in_hand(&worker), "what it still holds");
    }

    /// Somebody takes the process for silent since it was seen, which may be just now. It loses its jobs if it has been,
    /// and else nothing.
    pub(super) async fn expire(&mut self, store: &dyn Store, process: usize, looked: bool) {
        if looked {
            let living = store.nodes().await.expect("read");
            let process = &mut self.processes[process];
            process.seen =
                living.into_iter().find(|node| node.worker == process.node.worker).unwrap_or(process.seen.clone());
        }
        let Process { node, alive, seen, .. } = &mut self.processes[process];
        let silent = *alive && (&node.worker, node.heartbeat) == (&seen.worker, seen.heartbeat);
        *alive &= !silent;
        let seen = seen.clone();
        let lost = if silent { self.in_hand(&seen.worker) } else { Vec::new() };
        let before = self.position().await;
        assert_eq!(store.expire(&[seen]).await.expect("settled"), lost);
        if lost.is_empty() {
            assert_eq!(self.position().await, before, "who has beaten since, or held nothing, has lost nothing");
        }
        self.lose(lost);
    }

    /// The process is gone, and comes back under a new name; what it claimed under the old one, it may still believe in.
    pub(super) async fn die(&mut self, store: &dyn Store, process: usize) {
        let Process { place, seen, .. } = &self.processes[process];
        let reborn = Process { seen: seen.clone(), ..Process::begin(*place, self.steps) };
        let dead = std::mem::replace(&mut self.processes[process], reborn).worker();
        let lost = self.in_hand(&dead);
        assert_eq!(store.settle(&[dead]).await.expect("settled"), lost);
        self.processes[process].enter(store).await;
        self.lose(lost);
    }

    /// The jobs that a process holds and has not lost.
    fn in_hand(&self, worker: &WorkerId) -> Vec<JobId> {
        let held = self.held.iter().filter(|held| held.claimed.fence.worker == *worker && self.is_valid(held));
        let mut jobs: Vec<JobId> = held.map(|held| held.claimed.fence.job).collect();
        jobs.sort_unstable();
        jobs
    }

    /// What becomes of the jobs of a process that counts as dead.
    fn lose(&mut self, jobs: Vec<JobId>) {
        for job in jobs {
            let known = self.jobs[&job];
            if known.asked || known.charged >= known.granted {
                self.apply(job, Event::WorkerLost);
                continue;
            }
            // It comes back at once, to where it stood, unless somebody wants it set aside.
            self.apply(job, Event::RetryLater);
            self.apply(job, if known.pausing { Event::Pause } else { Event::Due });
            self.known(job).in_line = known.in_line;
        }
    }

    /// Those that count as living are those there are, with every beat of theirs.
    pub(super) async fn compare_processes(&self) {
        let nodes = self.kept.store.nodes().await.expect("read");
        // The other tests' processes are there too, and do nothing.
        let ours = |node: &&Node| node.worker.0.starts_with("00");
        let mut told: Vec<_> = nodes.iter().filter(ours).map(|node| (&node.worker.0, node.heartbeat)).collect();
        let alive = self.processes.iter().filter(|process| process.alive);
        let mut known: Vec<_> = alive.map(|process| (&process.node.worker.0, process.node.heartbeat)).collect();
        told.sort_unstable();
        known.sort_unstable();
        assert_eq!(told, known, "the living");
    }
}
