//! Cost of open event streams: the same server with responses sent by hyper, by hyper with its smallest buffer, and
//! handed over. Prints one table.
//!
//! The server is a process of its own, whose memory and processor time are read from `/proc`. Rounds alternate between
//! the three. `cargo bench -p milepost-streaming-response -- [STREAMS] [MESSAGES PER SECOND] [ROUNDS]`
#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs)]

use std::{
    convert::Infallible,
    env, fs,
    io::{BufRead as _, BufReader},
    pin::Pin,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    task::{Context, Poll, ready},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use http::{Response, header};
use http_body::{Body, Frame};
use http_body_util::{BodyExt as _, combinators::BoxBody};
use hyper::server::conn::http1;
use streaming_response::{StreamingBody, WriteTimeoutStream, serve_connection};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::{interval, sleep},
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Size of an event, bytes.
const EVENT: usize = 200;
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// Duration of the measurement in each round.
const MEASURED: Duration = Duration::from_secs(5);

fn main() {
    rlimit::increase_nofile_limit(u64::MAX).unwrap();
    let arguments: Vec<_> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let number = |index: usize, default| arguments.get(index).map_or(default, |text| text.parse().unwrap());
    match arguments.first().map(String::as_str) {
        Some("serve") => serve(Mode::parse(&arguments[1]), number(2, 10)),
        _ => compare(number(0, 2_000), number(1, 10), number(2, 3)),
    }
}

/// How responses are sent.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mode {
    Hyper,
    HyperSmall,
    HandedOver,
}

impl Mode {
    const ALL: [Self; 3] = [Self::Hyper, Self::HyperSmall, Self::HandedOver];

    const fn name(self) -> &'static str {
        match self {
            Self::Hyper => "hyper",
            Self::HyperSmall => "hyper, 8 KiB buffer",
            Self::HandedOver => "handed over",
        }
    }

    fn parse(name: &str) -> Self {
        Self::ALL.into_iter().find(|mode| mode.name() == name).unwrap()
    }
}

/// Events of one stream.
struct Events(UnboundedReceiver<Bytes>);

impl Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    /// Returns what is queued as one frame, as the outbox of Milepost does.
    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let queue = &mut self.get_mut().0;
        let Some(first) = ready!(queue.poll_recv(context)) else { return Poll::Ready(None) };
        let Ok(second) = queue.try_recv() else { return Poll::Ready(Some(Ok(Frame::data(first)))) };
        let mut joined = [first, second].concat();
        while let Ok(next) = queue.try_recv() {
            joined.extend_from_slice(&next);
        }
        Poll::Ready(Some(Ok(Frame::data(joined.into()))))
    }
}

/// Serves event streams, and sends `rate` events a second to each.
#[tokio::main]
async fn serve(mode: Mode, rate: u64) {
    let streams: Arc<Mutex<Vec<UnboundedSender<Bytes>>>> = Arc::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    tokio::spawn(publish(Arc::clone(&streams), rate));
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        tokio::spawn(connection(stream, mode, Arc::clone(&streams)));
    }
}

async fn connection(stream: TcpStream, mode: Mode, streams: Arc<Mutex<Vec<UnboundedSender<Bytes>>>>) {
    let mut builder = http1::Builder::new();
    // 64 KiB is the longest request head that Milepost accepts; 8 KiB is the least that hyper allows.
    builder.max_buf_size(if mode == Mode::HyperSmall { 8 << 10 } else { 64 << 10 });
    let mut stream = WriteTimeoutStream::new(stream, WRITE_TIMEOUT);
    let respond = |_| async {
        let (sender, events) = unbounded_channel();
        streams.lock().unwrap().push(sender);
        let response = Response::builder().header(header::CONTENT_TYPE, "text/event-stream");
        if mode == Mode::HandedOver {
            let (streaming, body) = StreamingBody::new(Events(events));
            let mut response = response.body(BoxBody::new(body)).unwrap();
            response.extensions_mut().insert(streaming);
            response
        } else {
            response.body(Events(events).boxed()).unwrap()
        }
    };
    let served = serve_connection(&builder, &mut stream, respond, std::future::pending()).await;
    if let Ok(Some(response)) = served {
        let mut stream = stream.into_inner();
        // A task of its own, without room for the state of hyper.
        tokio::spawn(async move { response.send(&mut stream, WRITE_TIMEOUT).await });
    }
}

async fn publish(streams: Arc<Mutex<Vec<UnboundedSender<Bytes>>>>, rate: u64) {
    let mut ticks = interval(Duration::from_secs(1) / rate as u32);
    loop {
        ticks.tick().await;
        let event = format!("data: {:020}{:.<172}\n\n", now(), "");
        assert_eq!(event.len(), EVENT);
        let event = Bytes::from(event);
        streams.lock().unwrap().retain(|stream| stream.send(event.clone()).is_ok());
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as u64
}

/// The figures of one round.
struct Figures {
    bytes_per_stream: f64,
    processor_per_event: Duration,
    p50: u64,
    p99: u64,
}

fn compare(streams: u64, rate: u64, rounds: u64) {
    let mut figures = Mode::ALL.map(|_| Vec::new());
    for _ in 0..rounds {
        for (mode, figures) in Mode::ALL.into_iter().zip(&mut figures) {
            figures.push(measure(mode, streams, rate));
        }
    }
    let [hyper, small, handed_over] = Mode::ALL.map(Mode::name);
    println!("| {streams} streams, {rate} events a second each, {rounds} rounds | {hyper} | {small} | {handed_over} |");
    println!("|---|---|---|---|");
    let row = |name: &str, figure: &dyn Fn(&Figures) -> f64, unit: &str, decimals: usize| {
        let cells = figures.each_ref().map(|rounds| {
            let mut values: Vec<_> = rounds.iter().map(figure).collect();
            values.sort_by(f64::total_cmp);
            let (low, middle, high) = (values[0], values[values.len() / 2], values[values.len() - 1]);
            format!("{middle:.decimals$} {unit} ({low:.decimals$} to {high:.decimals$})")
        });
        println!("| {name} | {} |", cells.join(" | "));
    };
    row("memory for each stream", &|figures| figures.bytes_per_stream / 1024.0, "KiB", 1);
    row("processor time for each event", &|figures| figures.processor_per_event.as_secs_f64() * 1e6, "µs", 2);
    row("latency, p50", &|figures| figures.p50 as f64 / 1e3, "ms", 1);
    row("latency, p99", &|figures| figures.p99 as f64 / 1e3, "ms", 1);
}

/// The server process, killed on drop.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Server {
    /// Proportional memory, bytes.
    fn memory(&self) -> u64 {
        let text = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.0.id())).unwrap();
        let pss = text.lines().find_map(|line| line.strip_prefix("Pss:")).unwrap();
        pss.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    /// User and kernel time.
    fn processor(&self) -> Duration {
        let text = fs::read_to_string(format!("/proc/{}/stat", self.0.id())).unwrap();
        let fields = text.rsplit_once(')').unwrap().1.split_whitespace();
        let ticks: u64 = fields.skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
        Duration::from_millis(ticks * 10)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn measure(mode: Mode, streams: u64, rate: u64) -> Figures {
    let program = env::current_exe().unwrap();
    let mut child =
        Command::new(program).args(["serve", mode.name(), &rate.to_string()]).stdout(Stdio::piped()).spawn().unwrap();
    let mut addr = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut addr).unwrap();
    let server = Server(child);
    sleep(Duration::from_millis(300)).await;
    let empty = server.memory();

    // Until the measurement begins, latencies are thrown away.
    let latencies: Arc<Mutex<Vec<u64>>> = Arc::default();
    let mut clients = Vec::new();
    for _ in 0..streams {
        let stream = TcpStream::connect(addr.trim()).await.unwrap();
        clients.push(tokio::spawn(receive(stream, Arc::clone(&latencies))));
    }
    sleep(Duration::from_secs(2)).await;
    latencies.lock().unwrap().clear();
    let (before, begun) = (server.processor(), Instant::now());
    while begun.elapsed() < MEASURED {
        sleep(Duration::from_millis(10)).await;
    }
    let processor = server.processor().saturating_sub(before);
    let mut latencies = std::mem::take(&mut *latencies.lock().unwrap());
    let memory = server.memory();
    clients.iter().for_each(tokio::task::JoinHandle::abort);
    latencies.sort_unstable();
    assert!(latencies.len() as u64 > streams * rate, "{} events arrived", latencies.len());
    Figures {
        bytes_per_stream: memory.saturating_sub(empty) as f64 / streams as f64,
        processor_per_event: processor.div_f64(latencies.len() as f64),
        p50: latencies[latencies.len() / 2],
        p99: latencies[latencies.len() * 99 / 100],
    }
}

/// Reads a stream and notes the age of each event.
async fn receive(mut stream: TcpStream, latencies: Arc<Mutex<Vec<u64>>>) {
    stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let (mut received, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let count = stream.read(&mut buffer).await.unwrap();
        assert!(count > 0, "the stream ended");
        received.extend_from_slice(&buffer[..count]);
        let at = now();
        let mut rest = 0;
        while let Some(start) = received[rest..].windows(6).position(|window| window == b"data: ") {
            let digits = rest + start + 6;
            let Some(sent) = received.get(digits..digits + 20) else { break };
            let sent: u64 = std::str::from_utf8(sent).unwrap().parse().unwrap();
            latencies.lock().unwrap().push(at.saturating_sub(sent));
            rest = digits + 20;
        }
        // Keep an event that is not complete.
        received.drain(..rest.max(received.len().saturating_sub(26)));
    }
}
