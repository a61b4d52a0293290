//! Clients: thousands of event streams on a few threads, with a reconnect policy.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
    io::{self, Read, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use mio::{Interest, Poll, Registry, Token, net::TcpStream};
use socket2::{Domain, Socket, Type};

use crate::sse::{Event, Piece, Response};

/// Maximum number of streams that a thread opens at the same time, until all of them were live once.
const MAX_OPENING: usize = 200;
/// Maximum wait for events of the sockets.
const MAX_WAIT: Duration = Duration::from_millis(20);
/// Interval of reads, like the interrupt coalescing of a network card: a client on the same machine that wakes for each
/// write would take processor time from the server. Measured latencies are too long by at most this much.
const GATHER: Duration = Duration::from_millis(1);
/// Size of the read buffer, bytes.
const BUFFER: usize = 256 << 10;

/// Handles the events of one client.
pub(crate) trait EventHandler: Send + 'static {
    /// Counters that all clients of a thread share.
    type Tally: Default + Send + 'static;

    /// Handles an event that was complete at `now`. Returns whether the stream is live with this event.
    fn on_event(&mut self, event: &Event<'_>, now: Instant, tally: &mut Self::Tally) -> bool;
}

/// The reconnect policy of a client.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Retry {
    /// Never: a broken stream is an error.
    Never,
    /// At a fixed interval.
    Every(Duration),
    /// As in `app/src/live/reconnect.rs`: within 0.3 s, then with full jitter, 1 s to 30 s.
    Browser,
}

impl Retry {
    fn after(self, failures: i32) -> Option<Duration> {
        match self {
            Self::Never => None,
            Self::Every(time) => Some(time),
            Self::Browser => {
                let range = if failures == 0 { 0.3 } else { 30_f64.min(2_f64.powi(failures - 1)) };
                Some(Duration::from_secs_f64(range * rand::random::<f64>()))
            }
        }
    }
}

/// Builds the bytes of a request from the number of a client and the last event id it received.
pub(crate) type Request = Box<dyn Fn(usize, &str) -> Vec<u8> + Send + Sync>;

/// The outcomes of the clients, and the counters of one thread or of all.
type Results<E, T> = (Vec<Outcome<E>>, T);

/// The handle of a client thread.
type Thread<E, T> = JoinHandle<Result<Results<E, T>>>;

/// The configuration of all clients.
pub(crate) struct Plan {
    /// Address of the server.
    pub(crate) addr: SocketAddr,
    /// Builds the request of a client; the last event id may be empty.
    pub(crate) request: Request,
    /// Reconnect policy.
    pub(crate) retry: Retry,
    /// Number of source addresses, from 127.0.0.1 on; 0 leaves the choice to the system.
    pub(crate) sources: u8,
    /// Number of threads.
    pub(crate) threads: usize,
}

/// State that the threads share.
struct Shared {
    plan: Plan,
    live: AtomicUsize,
    stop: AtomicBool,
    /// The first few error messages.
    faults: Mutex<Vec<String>>,
    broken: AtomicUsize,
}

/// Running clients.
pub(crate) struct Clients<E: EventHandler> {
    shared: Arc<Shared>,
    threads: Vec<Thread<E, E::Tally>>,
    count: usize,
}

/// The outcome of a client.
pub(crate) struct Outcome<E> {
    /// The event handler of the client.
    pub(crate) handler: E,
    /// Time at which the stream was last opened.
    pub(crate) live_at: Option<Instant>,
}

impl<E: EventHandler> Clients<E> {
    /// Starts one client for each handler.
    pub(crate) fn start(plan: Plan, handlers: Vec<E>) -> Result<Self> {
        let (count, thread_count) = (handlers.len(), plan.threads.max(1));
        let shared = Arc::new(Shared {
            plan,
            live: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
            faults: Mutex::default(),
            broken: AtomicUsize::new(0),
        });
        let mut parts: Vec<Vec<(usize, E)>> = (0..thread_count).map(|_| Vec::new()).collect();
        for (number, handler) in handlers.into_iter().enumerate() {
            parts[number % thread_count].push((number, handler));
        }
        let mut threads = Vec::new();
        for part in parts {
            let shared = Arc::clone(&shared);
            let thread = thread::Builder::new().name("clients".to_owned());
            threads.push(thread.spawn(move || ClientThread::new(&shared, part).run())?);
        }
        Ok(Self { shared, threads, count })
    }

    /// Returns the number of live streams.
    pub(crate) fn live(&self) -> usize {
        self.shared.live.load(Relaxed)
    }

    /// Returns the number of streams that broke or could not be opened so far.
    pub(crate) fn broken(&self) -> usize {
        self.shared.broken.load(Relaxed)
    }

    /// Waits until all streams are live.
    pub(crate) fn all_live(&self, timeout: Duration) -> Result<()> {
        let begun = Instant::now();
        while self.live() < self.count {
            let late = begun.elapsed() >= timeout;
            ensure!(!late, "only {} of {} streams are live: {}", self.live(), self.count, self.faults());
            thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// Returns the error messages.
    pub(crate) fn faults(&self) -> String {
        self.shared.faults.lock().unwrap_or_else(PoisonError::into_inner).join("; ")
    }

    /// Closes all streams. Returns the outcomes in the order of the clients, and the counters of the threads.
    pub(crate) fn end(self) -> Result<Results<E, Vec<E::Tally>>> {
        self.shared.stop.store(true, Relaxed);
        let (mut parts, mut tallies) = (Vec::new(), Vec::new());
        for thread in self.threads {
            let (part, tally) = thread.join().map_err(|_| anyhow::anyhow!("a thread of clients panicked"))??;
            parts.push(part.into_iter());
            tallies.push(tally);
        }
        let mut outcomes = Vec::new();
        while outcomes.len() < self.count {
            outcomes.extend(parts.iter_mut().filter_map(Iterator::next));
        }
        Ok((outcomes, tallies))
    }
}

/// A thread and its clients.
struct ClientThread<'a, E: EventHandler> {
    shared: &'a Shared,
    clients: Vec<Client<E>>,
    /// Clients whose stream was never opened.
    waiting: VecDeque<usize>,
    opening: usize,
    due: BinaryHeap<Reverse<(Instant, usize)>>,
    tally: E::Tally,
}

struct Client<E> {
    number: usize,
    handler: E,
    socket: Option<TcpStream>,
    sent: bool,
    response: Response,
    live: bool,
    first: bool,
    failures: i32,
    last_id: String,
    live_at: Option<Instant>,
}

impl<'a, E: EventHandler> ClientThread<'a, E> {
    fn new(shared: &'a Shared, handlers: Vec<(usize, E)>) -> Self {
        let clients: Vec<_> = handlers.into_iter().map(|(number, handler)| Client::new(number, handler)).collect();
        let waiting = (0..clients.len()).collect();
        Self { shared, clients, waiting, opening: 0, due: BinaryHeap::new(), tally: E::Tally::default() }
    }

    fn run(mut self) -> Result<Results<E, E::Tally>> {
        let mut poll = Poll::new()?;
        let mut events = mio::Events::with_capacity(4096);
        let mut buffer = vec![0; BUFFER];
        while !self.shared.stop.load(Relaxed) {
            thread::sleep(GATHER);
            let now = Instant::now();
            while self.opening < MAX_OPENING
                && let Some(client) = self.waiting.pop_front()
            {
                self.opening += 1;
                self.open(client, poll.registry());
            }
            while let Some(Reverse((due, client))) = self.due.peek().copied()
                && due <= now
            {
                self.due.pop();
                self.open(client, poll.registry());
            }
            let next =
                self.due.peek().map_or(MAX_WAIT, |Reverse((due, _))| due.saturating_duration_since(now).min(MAX_WAIT));
            match poll.poll(&mut events, Some(next)) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                polled => polled.context("cannot wait for the sockets")?,
            }
            for event in &events {
                self.on_ready(event.token().0, event.is_read_closed(), poll.registry(), &mut buffer);
            }
        }
        let outcomes =
            self.clients.into_iter().map(|client| Outcome { handler: client.handler, live_at: client.live_at });
        Ok((outcomes.collect(), self.tally))
    }

    fn open(&mut self, index: usize, registry: &Registry) {
        let client = &mut self.clients[index];
        client.response = Response::new();
        client.sent = false;
        match connect(&self.shared.plan, client.number) {
            Ok(mut socket) => {
                match registry.register(&mut socket, Token(index), Interest::READABLE | Interest::WRITABLE) {
                    Ok(()) => client.socket = Some(socket),
                    Err(error) => self.mark_broken(index, &error.to_string()),
                }
            }
            Err(error) => self.mark_broken(index, &error.to_string()),
        }
    }

    fn on_ready(&mut self, index: usize, closed: bool, registry: &Registry, buffer: &mut [u8]) {
        let Some(sent) = self.clients[index].socket.is_some().then_some(self.clients[index].sent) else { return };
        if !sent {
            match self.send_request(index, registry) {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => return self.mark_broken(index, &error.to_string()),
            }
        }
        loop {
            let client = &mut self.clients[index];
            let Some(socket) = &mut client.socket else { return };
            match socket.read(buffer) {
                Ok(0) => return self.mark_broken(index, "closed"),
                Ok(count) => {
                    let full = count == buffer.len();
                    if let Err(why) = self.receive(index, &buffer[..count]) {
                        return self.mark_broken(index, &why);
                    }
                    if !full && !closed {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return self.mark_broken(index, &error.to_string()),
            }
        }
    }

    /// Sends the request once the connection is established. Returns whether it was sent.
    fn send_request(&mut self, index: usize, registry: &Registry) -> io::Result<bool> {
        let client = &mut self.clients[index];
        let Some(socket) = &mut client.socket else { return Ok(false) };
        if let Some(error) = socket.take_error()? {
            return Err(error);
        }
        match socket.peer_addr() {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => return Ok(false),
            peer => peer?,
        };
        // The buffer of a new connection has room for the request.
        socket.write_all(&(self.shared.plan.request)(client.number, &client.last_id))?;
        registry.reregister(socket, Token(index), Interest::READABLE)?;
        client.sent = true;
        Ok(true)
    }

    fn receive(&mut self, index: usize, bytes: &[u8]) -> Result<(), String> {
        let Client { response, handler, live, last_id, .. } = &mut self.clients[index];
        let (now, tally) = (Instant::now(), &mut self.tally);
        let (mut began, mut refused) = (false, None);
        let read = response.read(bytes, &mut |piece| match piece {
            Piece::Head(head) if head.status != 200 => refused = Some(format!("status {}", head.status)),
            Piece::Event(event) if refused.is_none() => {
                if !event.id.is_empty() {
                    last_id.clear();
                    last_id.push_str(&String::from_utf8_lossy(event.id));
                }
                began |= handler.on_event(&event, now, tally) && !*live;
            }
            Piece::Head(_) | Piece::Event(_) => {}
            Piece::End => refused = Some("ended".to_owned()),
        });
        if began {
            self.mark_live(index, now);
        }
        read.map_err(str::to_owned)?;
        refused.map_or(Ok(()), Err)
    }

    fn mark_live(&mut self, index: usize, now: Instant) {
        let client = &mut self.clients[index];
        (client.live, client.live_at, client.failures) = (true, Some(now), 0);
        if client.first {
            client.first = false;
            self.opening -= 1;
        }
        self.shared.live.fetch_add(1, Relaxed);
    }

    fn mark_broken(&mut self, index: usize, why: &str) {
        let client = &mut self.clients[index];
        client.socket = None;
        if client.live {
            client.live = false;
            self.shared.live.fetch_sub(1, Relaxed);
        }
        self.shared.broken.fetch_add(1, Relaxed);
        let mut faults = self.shared.faults.lock().unwrap_or_else(PoisonError::into_inner);
        if faults.len() < 5 {
            faults.push(format!("client {}: {why}", client.number));
        }
        if let Some(after) = self.shared.plan.retry.after(client.failures) {
            client.failures += 1;
            self.due.push(Reverse((Instant::now() + after, index)));
        }
    }
}

impl<E> Client<E> {
    const fn new(number: usize, handler: E) -> Self {
        Self {
            number,
            handler,
            socket: None,
            sent: false,
            response: Response::new(),
            live: false,
            first: true,
            failures: 0,
            last_id: String::new(),
            live_at: None,
        }
    }
}

fn connect(plan: &Plan, number: usize) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(plan.addr), Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    if plan.sources > 0 {
        let last = 1 + (number % usize::from(plan.sources)) as u8;
        socket.bind(&SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, last)), 0).into())?;
    }
    // EINPROGRESS, for which `ErrorKind` has no stable variant.
    match socket.connect(&plan.addr.into()) {
        Err(error) if error.raw_os_error() != Some(115) && error.kind() != io::ErrorKind::WouldBlock => Err(error),
        _ => Ok(TcpStream::from_std(socket.into())),
    }
}
