//! The yardstick: the smallest SSE server that axum and `tokio::sync::broadcast` make, in a process of its own.
//!
//! Without accounts, topics, ids, or anything to resume from: what is published goes to everybody.

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

/// Serves on a free port, which it says on its first line, until it is ended.
#[tokio::main]
pub(crate) async fn serve() -> Result<()> {
    rlimit::increase_nofile_limit(u64::MAX)?;
    let (sender, _) = broadcast::channel::<String>(1024);
    let router = Router::new().route("/subscribe", get(subscribe)).route("/publish", post(publish)).with_state(sender);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    #[expect(clippy::print_stdout, reason = "whoever started it waits for this line")]
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
    // An error says that nobody listens.
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
