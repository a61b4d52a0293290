//! Baseline: a minimal SSE server of axum and `tokio::sync::broadcast`, in a process of its own.
//!
//! It has no accounts, topics, ids or resume: each message goes to all streams.

use std::{convert::Infallible, time::Duration};

use anyhow::Result;
use axum::{
    Router,
    extract::State,
    response::sse::{Event, KeepAlive, Sse},
    routing::{get, post},
    serve::ListenerExt,
};
use futures_util::{Stream, stream};
use tokio::{
    net::TcpListener,
    sync::broadcast::{self, Sender, error::RecvError},
};

/// Serves on a free port until the process is killed. Its first output line is the address.
#[tokio::main]
pub(crate) async fn serve() -> Result<()> {
    rlimit::increase_nofile_limit(u64::MAX)?;
    let (sender, _) = broadcast::channel::<String>(1024);
    let router = Router::new().route("/subscribe", get(subscribe)).route("/publish", post(publish)).with_state(sender);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    #[expect(clippy::print_stdout, reason = "the parent process waits for this line")]
    {
        println!("{}", listener.local_addr()?);
    }
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, router).await?;
    Ok(())
}

async fn publish(State(sender): State<Sender<String>>, text: String) {
    // An error means that there are no streams.
    let _ = sender.send(text);
}

async fn subscribe(State(sender): State<Sender<String>>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let hello = stream::iter([Ok(Event::default().data("hello"))]);
    let events = stream::unfold(sender.subscribe(), |mut receiver| async {
        loop {
            match receiver.recv().await {
                Ok(text) => return Some((Ok(Event::default().data(text)), receiver)),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    });
    let events = futures_util::StreamExt::chain(hello, events);
    Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(10)))
}
