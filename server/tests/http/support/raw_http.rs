//! Raw HTTP over a socket: requests that no HTTP client would send.

use std::io::{Read, Write};

use crate::support::process::ServerProcess;

/// Sends exactly these bytes; returns everything that comes back until the server closes the connection.
pub(crate) fn send_bytes(server: &ServerProcess, bytes: &[u8]) -> String {
    let mut stream = server.connect();
    // A server that rejects early may close before all bytes are sent; its response can be read all the same.
    let _ = stream.write_all(bytes);
    let mut response = Vec::new();
    let _ = stream.read_to_end(&mut response);
    String::from_utf8_lossy(&response).into_owned()
}

/// The status of the first response; 0 where there is none.
pub(crate) fn status_of(response: &str) -> u16 {
    response.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}
