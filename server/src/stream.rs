//! The event stream (server-sent events): `GET /events`, `POST /events/{stream}`, and the long poll `GET /events/poll`.
//!
//! `docs/design/event-stream.md` describes what is sent, in which order, and how a stream resumes.

mod body;
mod bye;
mod connect;
mod drain;
mod encoding;
mod hub;
mod outbox;
mod poll;
mod request;
mod response;
mod revoke;
mod single_flight;
mod snapshot_reader;
mod source;
mod subscriber;
mod subscriptions;
mod until_end;

use std::{sync::Arc, time::Duration};

use axum::{
    Extension,
    body::Bytes,
    extract::{Path, Query, State},
    response::{IntoResponse, Response},
};
use http::HeaderMap;
use model::{Seq, StreamId};
use tokio_util::sync::CancellationToken;

use crate::limits::{StreamLimiter, StreamLimits};
pub use hub::{Hub, HubStats};
use request::{Pairs, TopicChange};
pub use revoke::Revocation;
pub(crate) use revoke::{Grant, StreamRevoker};
use snapshot_reader::SnapshotReader;
pub use source::Source;
pub use subscriber::Subscriber;

/// The state of the handlers of the event stream. Cheap to clone.
#[derive(Clone)]
pub struct StreamService(Arc<Shared>);

struct Shared {
    hub: Arc<Hub>,
    reader: Arc<SnapshotReader>,
    limiter: StreamLimiter,
    build: Arc<str>,
    timing: StreamTiming,
}

/// Intervals of streams.
#[derive(Clone, Copy, Debug)]
pub struct StreamTiming {
    /// Between heartbeats; clients close a stream after three without any event.
    pub heartbeat: Duration,
    /// The longest life of a stream. Each lives between 0.8 and 1.0 of it, so that they do not reconnect together.
    pub lifetime: Duration,
    /// How long a stream that has sent everything delays its next write, so that bursts go out in one. Shorter than the
    /// interval of the sampler, so that it never delays periodic progress.
    pub coalesce: Duration,
    /// Over how long the closing of many streams is spread at shutdown. Part of the time that open requests are given.
    pub drain: Duration,
}

impl Default for StreamTiming {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(10),
            lifetime: Duration::from_mins(10),
            coalesce: Duration::from_millis(12),
            drain: Duration::from_secs(2),
        }
    }
}

impl StreamService {
    /// Connects the hub, which is the listener of an engine, with that engine. When `drain` is cancelled, every stream
    /// sends `bye` and ends, within [`StreamTiming::drain`].
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn open(
        hub: Arc<Hub>,
        source: Arc<dyn Source>,
        build: Arc<str>,
        timing: StreamTiming,
        limits: StreamLimits,
        drain: CancellationToken,
    ) -> engine::Result<Self> {
        hub.set_epoch(&source.position().await?);
        let draining = Arc::clone(&hub);
        tokio::spawn(async move {
            drain.cancelled().await;
            drain::drain(&draining, timing.drain).await;
        });
        let reader = SnapshotReader::new(source, Arc::clone(&hub));
        Ok(Self(Arc::new(Shared { hub, reader, limiter: StreamLimiter::new(limits), build, timing })))
    }

    /// Returns the number of streams that a message was sent to when it was published.
    pub(crate) fn receivers(&self, message: Seq) -> usize {
        self.0.hub.receivers(message)
    }
}

/// `GET /events?topic=jobs&topic=overview&topic=messages&job=N&row=N&after=CURSOR&until=end`: the stream. With
/// `Accept: application/x-ndjson` it has lines `{"event":…,"id":…,"data":…}`.
pub async fn connect(
    State(service): State<StreamService>,
    Extension(subscriber): Extension<Subscriber>,
    headers: HeaderMap,
    Query(pairs): Query<Pairs>,
) -> Response {
    let response = match request::parse_stream(&pairs, &headers) {
        Ok(request) => service.connect(request, subscriber).await,
        Err(rejection) => Err(rejection),
    };
    response.into_response()
}

/// `POST /events/{stream}` with `{"add": […], "remove": […]}`: changes the topics of an open stream. They are written as
/// in the query: `"jobs"`, `"job=12"`, `"row=12"`. What was added arrives in the stream, as a partial snapshot.
pub async fn change_topics(
    State(service): State<StreamService>,
    Extension(subscriber): Extension<Subscriber>,
    Path(stream): Path<StreamId>,
    body: Bytes,
) -> Response {
    let changed = match TopicChange::parse(&body) {
        Ok(change) => service.change(&stream, change, &subscriber).await,
        Err(rejection) => Err(rejection),
    };
    changed.map(response::empty).into_response()
}

/// `GET /events/poll?topic=…&job=N&row=N&after=CURSOR&wait=SECONDS`: the events of a stream in one response, for clients
/// that cannot read a stream as it comes. Its lines are those of the stream: `hello`; missed events or a snapshot; the
/// newest progress. If nothing was missed, the first event within `wait` (0 to 30, default 0); progress alone does not
/// end the first second of it. The last line, `{"id":CURSOR}`, is the position to continue from.
///
/// Its status also explains why a stream was not opened, or was closed without `bye`, which an `EventSource` hides: 204
/// means that nothing will come any more, 400 that this cursor is malformed, 429 and 503 when to retry.
pub async fn poll(
    State(service): State<StreamService>,
    Extension(subscriber): Extension<Subscriber>,
    headers: HeaderMap,
    Query(pairs): Query<Pairs>,
) -> Response {
    let response = match request::parse_poll(&pairs, &headers) {
        Ok(request) => service.poll(request, subscriber).await,
        Err(rejection) => Err(rejection),
    };
    response.into_response()
}
