//! Fault-injecting proxy: delays, cuts, buffers or drops the responses of a server.

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

/// The fault in a response.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// Delays each piece.
    Delay(Duration),
    /// Closes the connection after this number of bytes, with a reset or an early end.
    Cut(usize),
    /// Sends each byte by itself.
    Dribble,
    /// Sends nothing before the response has ended.
    Buffer,
    /// Sends nothing and closes nothing.
    BlackHole,
}

/// A proxy on a port of its own, until the test ends.
pub(crate) struct FaultProxy {
    pub(crate) addr: SocketAddr,
    /// Connections so far.
    pub(crate) connections: Arc<AtomicUsize>,
}

impl FaultProxy {
    /// A proxy in front of `server`. `fault` returns the fault of a connection by its number.
    pub(crate) async fn before(server: SocketAddr, fault: impl Fn(usize) -> Fault + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (addr, connections) = (listener.local_addr().unwrap(), Arc::<AtomicUsize>::default());
        let count = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass_connection(client, server, fault(count.fetch_add(1, Relaxed))));
            }
        });
        Self { addr, connections }
    }
}

async fn pass_connection(client: TcpStream, server: SocketAddr, fault: Fault) {
    client.set_nodelay(true).unwrap();
    let server = TcpStream::connect(server).await.unwrap();
    let (mut requests, responses_to) = client.into_split();
    let (responses, mut requests_to) = server.into_split();
    // When one side closes, the other is closed too.
    tokio::select! {
        _ = copy(&mut requests, &mut requests_to) => {}
        _ = pass_response(responses, responses_to, fault) => {}
    }
}

async fn pass_response(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, fault: Fault) -> std::io::Result<()> {
    let mut piece = vec![0; 16 * 1024];
    let (mut passed, mut buffered) = (0, Vec::new());
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
            Fault::Buffer => buffered.extend_from_slice(piece),
            Fault::BlackHole => {}
        }
        passed += read;
        if read == 0 {
            to.write_all(&buffered).await?;
            return to.shutdown().await;
        }
    }
}
