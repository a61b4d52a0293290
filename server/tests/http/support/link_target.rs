//! An HTTP server that the links of check-links jobs lead to.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    thread,
};

/// Counts the requests of each path. Responses below `/held` wait for [`LinkTarget::release`].
#[derive(Default)]
pub(crate) struct LinkTarget {
    requests: Mutex<HashMap<String, u32>>,
    open: Mutex<bool>,
    opened: Condvar,
}

impl LinkTarget {
    pub(crate) fn start() -> (Arc<Self>, SocketAddr) {
        let (target, listener) = (Arc::new(Self::default()), TcpListener::bind(("127.0.0.1", 0)).unwrap());
        let address = listener.local_addr().unwrap();
        let serving = Arc::clone(&target);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let target = Arc::clone(&serving);
                thread::spawn(move || target.respond(stream));
            }
        });
        (target, address)
    }

    fn respond(&self, mut stream: TcpStream) {
        let head = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
        let head: Vec<String> = head.take_while(|line| !line.is_empty()).collect();
        let Some(path) = head.first().and_then(|line| line.split(' ').nth(1)) else { return };
        *self.requests.lock().unwrap().entry(path.to_owned()).or_default() += 1;
        if path.starts_with("/held") {
            let open = self.open.lock().unwrap();
            drop(self.opened.wait_while(open, |open| !*open).unwrap());
        }
        let status = if path.contains("missing") { "404 Not Found" } else { "200 OK" };
        // Fails where the requesting server has been killed.
        let _ = write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    }

    /// The number of requests of a path.
    pub(crate) fn requests_of(&self, path: &str) -> u32 {
        self.requests.lock().unwrap().get(path).copied().unwrap_or_default()
    }

    /// Lets all held responses go.
    pub(crate) fn release(&self) {
        *self.open.lock().unwrap() = true;
        self.opened.notify_all();
    }
}
