//! `milepost health`: requests `/healthz` of a running server, for health checks of containers and scripts.

use std::{fmt::Display, net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, runtime, time};

use crate::{Error, Result, config::Config};

/// Time-out of the whole check. The server responds within 5 s and names the parts that do not.
const TIMEOUT: Duration = Duration::from_secs(8);

/// Longest response that is read, bytes.
const MAX_RESPONSE: usize = 64 << 10;

/// Returns an error unless the server at the configured address responds 200.
pub fn check(config: &Config) -> Result<()> {
    let addr = config.local_addr();
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| Error::Io { what: "starting the health check".to_owned(), source })?;
    let checked = runtime.block_on(async { time::timeout(TIMEOUT, request(addr)).await });
    checked
        .unwrap_or_else(|_| Err(format!("no response within {} s", TIMEOUT.as_secs())))
        .map_err(|message| Error::Unhealthy { addr, message })
}

/// Requests `/healthz`. The error says why the server is not healthy.
async fn request(addr: SocketAddr) -> Result<(), String> {
    let stream = TcpStream::connect(addr).await.map_err(text)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(text)?;
    tokio::spawn(connection);
    let request =
        Request::get("/healthz").header(header::HOST, "localhost").body(Empty::<Bytes>::new()).map_err(text)?;
    let response = sender.send_request(request).await.map_err(text)?;
    let status = response.status();
    if status == StatusCode::OK {
        return Ok(());
    }
    let body = Limited::new(response.into_body(), MAX_RESPONSE).collect().await.map_err(text)?.to_bytes();
    Err(format!("{status}: {}", String::from_utf8_lossy(&body).trim()))
}

fn text(error: impl Display) -> String {
    error.to_string()
}
