//! Lost peers: closed connections, readers that never read, machines that lose power.

use std::{
    env,
    io::{self, Write as _},
    process::{Child, Command, Stdio},
    time::Duration,
};

use model::JobState::Running;
use server::stream::StreamTiming;
use streaming_response::WriteTimeoutStream;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, duplex},
    net::TcpSocket,
    time::{Instant, sleep, timeout},
};

use crate::support::{
    ledger::Ledger,
    stream_reader::{StreamReader, serve, serve_on},
};

/// A stream without a reader is closed within this time.
const CLOSE_DEADLINE: Duration = Duration::from_secs(45);
/// Set in the process that runs in its own network namespace.
const IN_NAMESPACE: &str = "MILEPOST_TEST_NETWORK";

#[tokio::test]
async fn case_08_dropped_connections_are_released() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    let addr = serve(ledger.router(StreamTiming::default()).await).await;
    for _ in 0..50 {
        let client = reqwest::Client::new();
        let mut reader = StreamReader::fetch(client.get(format!("http://{addr}/events?topic=jobs&job=1&row=2"))).await;
        reader.expect("hello").await;
    }
    ledger.until_open(0).await;
}

#[tokio::test(start_paused = true)]
async fn write_timeout_fires_only_without_any_progress() {
    let (server, mut client) = duplex(1_024);
    let mut server = WriteTimeoutStream::new(server, Duration::from_secs(30));
    let begun = Instant::now();
    let wrote = tokio::spawn(async move {
        let refused = server.write_all(&[7; 4_096]).await;
        (refused, server.has_timed_out())
    });
    for _ in 0..10 {
        sleep(Duration::from_secs(29)).await;
        client.read_exact(&mut [0; 64]).await.unwrap();
    }
    let (refused, has_timed_out) = wrote.await.unwrap();
    assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::TimedOut);
    assert!(has_timed_out);
    assert_eq!(begun.elapsed().as_secs(), 10 * 29 + 30);
}

/// The kernel of the peer acknowledges data until its buffer is full, and then a zero window for ever.
#[tokio::test]
async fn case_08_peer_that_never_reads_is_disconnected() {
    let ledger = Ledger::new(StreamTiming::default()).await;
    let addr = serve(ledger.router(StreamTiming::default()).await).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut unread = socket.connect(addr).await.unwrap();
    unread.write_all(b"GET /events?job=1 HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut slow = StreamReader::fetch(reqwest::Client::new().get(format!("http://{addr}/events?job=1"))).await;
    ledger.until_open(2).await;
    let begun = Instant::now();
    let text = "x".repeat(1_000);
    let mut line = 0;
    while ledger.hub.stats().streams == 2 {
        assert!(begun.elapsed() < CLOSE_DEADLINE, "it is still there");
        for _ in 0..10 {
            line += 1;
            ledger.log(1, line, &text);
        }
        // Reads a little at a time, never everything.
        slow.next().await.unwrap();
        sleep(Duration::from_millis(50)).await;
    }
    assert!(begun.elapsed() > Duration::from_secs(25), "it was given time: {:?}", begun.elapsed());
    let rest = timeout(CLOSE_DEADLINE, unread.read_to_end(&mut Vec::new())).await.expect("the connection has ended");
    assert!(rest.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionReset), "and nothing is kept for it");
    drop(slow);
    ledger.until_open(0).await;
}

/// A process that is killed at the end of the test.
struct Peer(Child);

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn run(line: &str) {
    let mut words = line.split(' ');
    let done = Command::new(words.next().unwrap()).args(words).output().unwrap();
    assert!(done.status.success(), "{line}: {}", String::from_utf8_lossy(&done.stderr));
}

/// Runs this test again in its own network namespace, where it takes down the link of the peer: to the server, the peer
/// is then a machine without power. Nothing closes the connection.
#[test]
fn case_08_peer_that_loses_power_is_disconnected() {
    if env::var_os(IN_NAMESPACE).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        return runtime.block_on(lose_peer());
    }
    let may = Command::new("unshare").args(["-Urn", "ip", "link", "add", "type", "veth"]).output();
    if !may.is_ok_and(|tried| tried.status.success()) {
        let why = b"SKIPPED: no peer can vanish here, for network namespaces are not available (unshare -Urn, ip)\n";
        return io::stderr().lock().write_all(why).unwrap();
    }
    let myself = env::current_exe().unwrap();
    let again = ["--exact", "lost_peers::case_08_peer_that_loses_power_is_disconnected", "--nocapture"];
    let inside = Command::new("unshare").arg("-Urn").arg(myself).args(again).env(IN_NAMESPACE, "1").output().unwrap();
    let output = [inside.stdout, inside.stderr].concat();
    assert!(inside.status.success(), "{}", String::from_utf8_lossy(&output));
}

async fn lose_peer() {
    run("ip link add here type veth peer name there");
    let mut peer = Command::new("unshare");
    peer.args(["-n", "bash", "-c"]).arg(
        "read address; exec 3<>/dev/tcp/${address/:/\\/}; \
         printf 'GET /events?row=1 HTTP/1.1\\r\\nhost: 10.9.0.1\\r\\n\\r\\n' >&3; exec cat <&3",
    );
    let mut peer = Peer(peer.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap());
    let pid = peer.0.id();
    // Wait until it is in its own namespace.
    let network = |pid: &str| std::fs::read_link(format!("/proc/{pid}/ns/net")).unwrap();
    while network("self") == network(&pid.to_string()) {
        sleep(Duration::from_millis(5)).await;
    }
    run(&format!("ip link set there netns {pid}"));
    run("ip addr add 10.9.0.1/24 dev here");
    run("ip link set here up");
    run(&format!("nsenter -t {pid} -n ip addr add 10.9.0.2/24 dev there"));
    run(&format!("nsenter -t {pid} -n ip link set there up"));

    let ledger = Ledger::new(StreamTiming::default()).await;
    let addr = serve_on(ledger.router(StreamTiming::default()).await, "10.9.0.1").await;
    writeln!(peer.0.stdin.as_mut().unwrap(), "{addr}").unwrap();
    ledger.until_open(1).await;
    ledger.state(1, 1, Running, 0);
    sleep(Duration::from_millis(300)).await;
    run(&format!("nsenter -t {pid} -n ip link set there down"));
    let begun = Instant::now();
    while ledger.hub.stats().streams > 0 {
        assert!(begun.elapsed() < CLOSE_DEADLINE, "it is still there");
        sleep(Duration::from_millis(50)).await;
    }
    println!("disconnected after {:?}", begun.elapsed());
    assert!(begun.elapsed() > Duration::from_secs(10), "it had vanished, not closed");
}
