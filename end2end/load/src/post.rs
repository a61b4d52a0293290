//! HTTP client for POST requests over one kept connection.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use memchr::memmem;

/// Read timeout of a response.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A connection that is opened on demand.
pub(crate) struct Post {
    addr: SocketAddr,
    /// Additional header lines.
    headers: String,
    stream: Option<TcpStream>,
}

impl Post {
    pub(crate) const fn to(addr: SocketAddr, headers: String) -> Self {
        Self { addr, headers, stream: None }
    }

    fn connect(&self) -> Result<TcpStream> {
        let stream = TcpStream::connect(self.addr)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        Ok(stream)
    }

    /// Sends a body. Returns the body of a successful response.
    pub(crate) fn send(&mut self, path: &str, kind: &str, body: &str) -> Result<String> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => self.connect()?,
        };
        let (addr, headers, length) = (self.addr, &self.headers, body.len());
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {addr}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n{headers}\r\n"
        );
        stream.write_all(&[head.as_bytes(), body.as_bytes()].concat())?;
        let response = read(&mut stream)?;
        self.stream = Some(stream);
        Ok(response)
    }
}

fn read(stream: &mut TcpStream) -> Result<String> {
    let (mut response, mut buffer) = (Vec::new(), [0; 4096]);
    let head = loop {
        if let Some(end) = memmem::find(&response, b"\r\n\r\n") {
            break end + 4;
        }
        let count = stream.read(&mut buffer)?;
        ensure!(count > 0, "closed before a response");
        response.extend_from_slice(&buffer[..count]);
    };
    let text = String::from_utf8_lossy(&response[..head]).to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = match length {
        Some(length) => length.trim().parse().context("content-length is not a number")?,
        None if text.starts_with("http/1.1 204") => 0,
        None => bail!("response without a length: {text}"),
    };
    while response.len() < head + length {
        let count = stream.read(&mut buffer)?;
        ensure!(count > 0, "closed in the middle of a response");
        response.extend_from_slice(&buffer[..count]);
    }
    let body = String::from_utf8_lossy(&response[head..head + length]).into_owned();
    ensure!(text.starts_with("http/1.1 2"), "refused: {} {body}", text.lines().next().unwrap_or_default());
    Ok(body)
}
