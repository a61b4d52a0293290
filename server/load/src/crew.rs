//! Thousands of clients on a few threads: each opens a stream, hears it, and comes back as its policy says.

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

use crate::sse::{Answer, Event, Piece};

/// Streams of one thread that are being opened at the same time, before the first of its clients were all live.
const OPENING: usize = 200;
/// The longest wait for news.
const BEAT: Duration = Duration::from_millis(20);
/// What comes is looked at once in this time, as a network card would gather it: a client on the server's own machine that
/// is woken by each write takes the processor from the server each time. Latencies are too long by so much at most.
const GATHER: Duration = Duration::from_millis(1);
/// Read at once, bytes.
const BUFFER: usize = 256 << 10;

/// What a client makes of the events it hears.
pub(crate) trait Ear: Send + 'static {
    /// What all clients of a thread count together.
    type Tally: Default + Send + 'static;

    /// Takes an event that was complete at `now`; answers whether the stream is live with it, if it was not before.
    fn hear(&mut self, event: &Event<'_>, now: Instant, tally: &mut Self::Tally) -> bool;
}

/// When a client whose stream broke tries again.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Retry {
    /// Not at all: that would be a fault.
    Never,
    /// As often as that.
    Every(Duration),
    /// As `app/src/live/retry.rs` has it: within 0.3 s, then with full jitter, 1 s to 30 s.
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

/// Makes the bytes of a request, from the number of a client and the last id it has heard.
pub(crate) type Request = Box<dyn Fn(usize, &str) -> Vec<u8> + Send + Sync>;

/// What clients have heard, each by itself, and what a thread or all of them have counted.
type Heard<E, T> = (Vec<Outcome<E>>, T);

/// At work with its clients.
type Thread<E, T> = JoinHandle<Result<Heard<E, T>>>;

/// What all clients do.
pub(crate) struct Plan {
    /// The server.
    pub(crate) addr: SocketAddr,
    /// The bytes of a client's request; also given the last id it has heard, which may be empty.
    pub(crate) request: Request,
    /// What they do when a stream breaks.
    pub(crate) retry: Retry,
    /// Source addresses, 127.0.0.1 on; 0 for what the system chooses.
    pub(crate) sources: u8,
    /// Threads.
    pub(crate) threads: usize,
}

/// What the threads share.
struct Shared {
    plan: Plan,
    live: AtomicUsize,
    stop: AtomicBool,
    /// What went wrong, the first few.
    faults: Mutex<Vec<String>>,
    broken: AtomicUsize,
}

/// Clients at work.
pub(crate) struct Crew<E: Ear> {
    shared: Arc<Shared>,
    threads: Vec<Thread<E, E::Tally>>,
    clients: usize,
}

/// What became of a client.
pub(crate) struct Outcome<E> {
    /// What it has heard.
    pub(crate) ear: E,
    /// When it was last live anew.
    pub(crate) live_at: Option<Instant>,
}

impl<E: Ear> Crew<E> {
    /// Starts as many clients as there are ears.
    pub(crate) fn start(plan: Plan, ears: Vec<E>) -> Result<Self> {
        let (clients, count) = (ears.len(), plan.threads.max(1));
        let shared = Arc::new(Shared {
            plan,
            live: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
            faults: Mutex::default(),
            broken: AtomicUsize::new(0),
        });
        let mut parts: Vec<Vec<(usize, E)>> = (0..count).map(|_| Vec::new()).collect();
        for (number, ear) in ears.into_iter().enumerate() {
            parts[number % count].push((number, ear));
        }
        let mut threads = Vec::new();
        for part in parts {
            let shared = Arc::clone(&shared);
            let thread = thread::Builder::new().name("crew".to_owned());
            threads.push(thread.spawn(move || Hand::new(&shared, part).work())?);
        }
        Ok(Self { shared, threads, clients })
    }

    /// How many streams are live.
    pub(crate) fn live(&self) -> usize {
        self.shared.live.load(Relaxed)
    }

    /// How many streams broke so far, or could not be opened.
    pub(crate) fn broken(&self) -> usize {
        self.shared.broken.load(Relaxed)
    }

    /// Waits until all are live.
    pub(crate) fn all_live(&self, patience: Duration) -> Result<()> {
        let begun = Instant::now();
        while self.live() < self.clients {
            let late = begun.elapsed() >= patience;
            ensure!(!late, "only {} of {} streams are live: {}", self.live(), self.clients, self.faults());
            thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// What went wrong.
    pub(crate) fn faults(&self) -> String {
        self.shared.faults.lock().unwrap_or_else(PoisonError::into_inner).join("; ")
    }

    /// Closes all streams; answers what the clients heard, in their order, and what the threads counted.
    pub(crate) fn end(self) -> Result<Heard<E, Vec<E::Tally>>> {
        self.shared.stop.store(true, Relaxed);
        let (mut parts, mut tallies) = (Vec::new(), Vec::new());
        for thread in self.threads {
            let (part, tally) = thread.join().map_err(|_| anyhow::anyhow!("a thread of clients panicked"))??;
            parts.push(part.into_iter());
            tallies.push(tally);
        }
        let mut outcomes = Vec::new();
        while outcomes.len() < self.clients {
            outcomes.extend(parts.iter_mut().filter_map(Iterator::next));
        }
        Ok((outcomes, tallies))
    }
}

/// One thread and its clients.
struct Hand<'a, E: Ear> {
    shared: &'a Shared,
    clients: Vec<Client<E>>,
    /// Yet to be opened for the first time.
    waiting: VecDeque<usize>,
    opening: usize,
    due: BinaryHeap<Reverse<(Instant, usize)>>,
    tally: E::Tally,
}

struct Client<E> {
    number: usize,
    ear: E,
    socket: Option<TcpStream>,
    asked: bool,
    answer: Answer,
    live: bool,
    first: bool,
    failures: i32,
    last_id: String,
    live_at: Option<Instant>,
}

impl<'a, E: Ear> Hand<'a, E> {
    fn new(shared: &'a Shared, ears: Vec<(usize, E)>) -> Self {
        let clients: Vec<_> = ears.into_iter().map(|(number, ear)| Client::new(number, ear)).collect();
        let waiting = (0..clients.len()).collect();
        Self { shared, clients, waiting, opening: 0, due: BinaryHeap::new(), tally: E::Tally::default() }
    }

    fn work(mut self) -> Result<Heard<E, E::Tally>> {
        let mut poll = Poll::new()?;
        let mut events = mio::Events::with_capacity(4096);
        let mut buffer = vec![0; BUFFER];
        while !self.shared.stop.load(Relaxed) {
            thread::sleep(GATHER);
            let now = Instant::now();
            while self.opening < OPENING
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
            let next = self.due.peek().map_or(BEAT, |Reverse((due, _))| due.saturating_duration_since(now).min(BEAT));
            match poll.poll(&mut events, Some(next)) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                polled => polled.context("cannot wait for the sockets")?,
            }
            for event in &events {
                self.see(event.token().0, event.is_read_closed(), poll.registry(), &mut buffer);
            }
        }
        let outcomes = self.clients.into_iter().map(|client| Outcome { ear: client.ear, live_at: client.live_at });
        Ok((outcomes.collect(), self.tally))
    }

    fn open(&mut self, index: usize, registry: &Registry) {
        let client = &mut self.clients[index];
        client.answer = Answer::new();
        client.asked = false;
        match connect(&self.shared.plan, client.number) {
            Ok(mut socket) => {
                match registry.register(&mut socket, Token(index), Interest::READABLE | Interest::WRITABLE) {
                    Ok(()) => client.socket = Some(socket),
                    Err(error) => self.broke(index, &error.to_string()),
                }
            }
            Err(error) => self.broke(index, &error.to_string()),
        }
    }

    fn see(&mut self, index: usize, closed: bool, registry: &Registry, buffer: &mut [u8]) {
        let Some(asked) = self.clients[index].socket.is_some().then_some(self.clients[index].asked) else { return };
        if !asked {
            match self.ask(index, registry) {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => return self.broke(index, &error.to_string()),
            }
        }
        loop {
            let client = &mut self.clients[index];
            let Some(socket) = &mut client.socket else { return };
            match socket.read(buffer) {
                Ok(0) => return self.broke(index, "closed"),
                Ok(count) => {
                    let full = count == buffer.len();
                    if let Err(why) = self.hear(index, &buffer[..count]) {
                        return self.broke(index, &why);
                    }
                    if !full && !closed {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return self.broke(index, &error.to_string()),
            }
        }
    }

    /// Sends the request once the connection stands; whether it has.
    fn ask(&mut self, index: usize, registry: &Registry) -> io::Result<bool> {
        let client = &mut self.clients[index];
        let Some(socket) = &mut client.socket else { return Ok(false) };
        if let Some(error) = socket.take_error()? {
            return Err(error);
        }
        match socket.peer_addr() {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => return Ok(false),
            peer => peer?,
        };
        // A fresh connection takes a head at once.
        socket.write_all(&(self.shared.plan.request)(client.number, &client.last_id))?;
        registry.reregister(socket, Token(index), Interest::READABLE)?;
        client.asked = true;
        Ok(true)
    }

    fn hear(&mut self, index: usize, bytes: &[u8]) -> Result<(), String> {
        let Client { answer, ear, live, last_id, .. } = &mut self.clients[index];
        let (now, tally) = (Instant::now(), &mut self.tally);
        let (mut began, mut refused) = (false, None);
        let read = answer.read(bytes, &mut |piece| match piece {
            Piece::Head(head) if head.status != 200 => refused = Some(format!("status {}", head.status)),
            Piece::Event(event) if refused.is_none() => {
                if !event.id.is_empty() {
                    last_id.clear();
                    last_id.push_str(&String::from_utf8_lossy(event.id));
                }
                began |= ear.hear(&event, now, tally) && !*live;
            }
            Piece::Head(_) | Piece::Event(_) => {}
            Piece::End => refused = Some("ended".to_owned()),
        });
        if began {
            self.lives(index, now);
        }
        read.map_err(str::to_owned)?;
        refused.map_or(Ok(()), Err)
    }

    fn lives(&mut self, index: usize, now: Instant) {
        let client = &mut self.clients[index];
        (client.live, client.live_at, client.failures) = (true, Some(now), 0);
        if client.first {
            client.first = false;
            self.opening -= 1;
        }
        self.shared.live.fetch_add(1, Relaxed);
    }

    fn broke(&mut self, index: usize, why: &str) {
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
    const fn new(number: usize, ear: E) -> Self {
        Self {
            number,
            ear,
            socket: None,
            asked: false,
            answer: Answer::new(),
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
    // EINPROGRESS, which has no kind of its own yet.
    match socket.connect(&plan.addr.into()) {
        Err(error) if error.raw_os_error() != Some(115) && error.kind() != io::ErrorKind::WouldBlock => Err(error),
        _ => Ok(TcpStream::from_std(socket.into())),
    }
}
