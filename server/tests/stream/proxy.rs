//! A proxy between server and client that delays, cuts, buffers or swallows a stream.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    time::sleep,
};

/// What is done to an answer on its way.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// Each piece comes this much later.
    Delay(Duration),
    /// The connection breaks after this number of bytes, with a reset or an early end.
    Cut(usize),
    /// Each byte comes by itself.
    Dribble,
    /// Nothing is passed on before the answer has ended.
    Buffer,
    /// Nothing is passed on at all, and nothing closed.
    BlackHole,
}

/// A proxy on a port of its own, until the test ends.
pub(crate) struct Proxy {
    pub(crate) addr: SocketAddr,
    /// Connections so far.
    pub(crate) taken: Arc<AtomicUsize>,
}

impl Proxy {
    /// Before `server`; `fault` is asked for each connection, with its number.
    pub(crate) async fn before(server: SocketAddr, fault: impl Fn(usize) -> Fault + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (addr, taken) = (listener.local_addr().unwrap(), Arc::<AtomicUsize>::default());
        let count = Arc::clone(&taken);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, server, fault(count.fetch_add(1, Relaxed))));
            }
        });
        Self { addr, taken }
    }
}

async fn pass(client: TcpStream, server: SocketAddr, fault: Fault) {
    client.set_nodelay(true).unwrap();
    let server = TcpStream::connect(server).await.unwrap();
    let (mut requests, answers_to) = client.into_split();
    let (answers, mut requests_to) = server.into_split();
    // When one side is gone, so is the other.
    tokio::select! {
        _ = copy(&mut requests, &mut requests_to) => {}
        _ = answer(answers, answers_to, fault) => {}
    }
}

async fn answer(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, fault: Fault) -> std::io::Result<()> {
    let mut piece = vec![0; 16 * 1024];
    let (mut passed, mut kept) = (0, Vec::new());
    loop {
        let read = from.read(&mut piece).await?;
        let piece = &piece[..read];
        match fault {
            Fault::Delay(by) => {
                sleep(by).await;
                to.write_all(piece).await?;
            }
            Fault::Cut(after) => {
                let left = after - passed;
                to.write_all(&piece[..read.min(left)]).await?;
                if read >= left {
                    return Ok(());
                }
            }
            Fault::Dribble => {
                for byte in piece {
                    to.write_all(&[*byte]).await?;
                }
            }
            Fault::Buffer => kept.extend_from_slice(piece),
            Fault::BlackHole => {}
        }
        passed += read;
        if read == 0 {
            to.write_all(&kept).await?;
            return to.shutdown().await;
        }
    }
}
