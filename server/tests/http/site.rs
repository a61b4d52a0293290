//! A site for links to lead to.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    thread,
};

/// A site that counts who asks for what. Pages under `/held` wait until it lets go.
#[derive(Default)]
pub(crate) struct Site {
    asked: Mutex<HashMap<String, u32>>,
    open: Mutex<bool>,
    opened: Condvar,
}

impl Site {
    pub(crate) fn start() -> (Arc<Self>, SocketAddr) {
        let (site, listener) = (Arc::new(Self::default()), TcpListener::bind(("127.0.0.1", 0)).unwrap());
        let address = listener.local_addr().unwrap();
        let serving = Arc::clone(&site);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let site = Arc::clone(&serving);
                thread::spawn(move || site.answer(stream));
            }
        });
        (site, address)
    }

    fn answer(&self, mut stream: TcpStream) {
        let head = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
        let head: Vec<String> = head.take_while(|line| !line.is_empty()).collect();
        let Some(path) = head.first().and_then(|line| line.split(' ').nth(1)) else { return };
        *self.asked.lock().unwrap().entry(path.to_owned()).or_default() += 1;
        if path.starts_with("/held") {
            let open = self.open.lock().unwrap();
            drop(self.opened.wait_while(open, |open| !*open).unwrap());
        }
        let status = if path.contains("missing") { "404 Not Found" } else { "200 OK" };
        // Nobody reads it any more where the asking server has been killed.
        let _ = write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    }

    pub(crate) fn asked(&self, path: &str) -> u32 {
        self.asked.lock().unwrap().get(path).copied().unwrap_or_default()
    }

    pub(crate) fn let_go(&self) {
        *self.open.lock().unwrap() = true;
        self.opened.notify_all();
    }
}
