//! The event stream over HTTP: `GET /events`, `POST /events/{stream}`, `GET /events/poll`.
//!
//! What is sent, in which order, and how a stream resumes is described in `docs/design/event-stream.md`.

mod answer;
mod body;
mod draining;
mod ending;
mod farewell;
mod listening;
mod opening;
mod places;
mod polling;
mod readings;
mod request;
mod source;
mod together;

use std::{sync::Arc, time::Duration};

use axum::{
    Extension,
    body::Bytes,
    extract::{Path, Query, State},
    response::Response,
};
use http::HeaderMap;
use model::{Seq, StreamId};
use tokio_util::sync::CancellationToken;

use crate::hub::Hub;
use answer::Refusal;
pub use listening::{Closing, Listening, Watch, Watching};
use places::Places;
pub use places::{Limits, Reader};
use readings::Readings;
use request::{Change, Pairs};
pub use source::Source;

/// What the handlers of the stream share. Cheap to clone.
#[derive(Clone)]
pub struct Events(Arc<Shared>);

struct Shared {
    hub: Arc<Hub>,
    readings: Arc<Readings>,
    places: Arc<Places>,
    build: Arc<str>,
    pace: Pace,
}

/// How streams keep time.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Between heartbeats; readers give a stream up after three without a sign.
    pub heartbeat: Duration,
    /// The longest life of a stream; each lives between 0.8 and 1.0 of it, so that they do not come back together.
    pub lifetime: Duration,
    /// How long a stream rests that has sent all there was, unless it is much that comes: what comes meanwhile goes in one
    /// write. Shorter than the sampler's beat, so that it never adds to the delay of progress that comes at that beat.
    pub rest: Duration,
    /// Over how long the ends of many streams are spread when the server goes down. Part of the time that answers under
    /// way are given.
    pub drain: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(10),
            lifetime: Duration::from_mins(10),
            rest: Duration::from_millis(12),
            drain: Duration::from_secs(2),
        }
    }
}

impl Events {
    /// Joins the hub that hears an engine with that engine. When `drain` is cancelled, every stream says `bye` and ends,
    /// within [`Pace::drain`].
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn open(
        hub: Arc<Hub>,
        source: Arc<dyn Source>,
        build: Arc<str>,
        pace: Pace,
        limits: Limits,
        drain: CancellationToken,
    ) -> engine::Result<Self> {
        hub.adopt(&source.position().await?);
        let draining = Arc::clone(&hub);
        tokio::spawn(async move {
            drain.cancelled().await;
            draining::drain(&draining, pace.drain).await;
        });
        let readings = Readings::new(source, Arc::clone(&hub));
        Ok(Self(Arc::new(Shared { hub, readings, places: Places::new(limits), build, pace })))
    }

    /// How many streams were sent a message, at the moment it was told.
    pub(crate) fn receivers(&self, message: Seq) -> usize {
        self.0.hub.receivers(message)
    }
}

/// `GET /events?topic=jobs&topic=overview&topic=messages&job=N&row=N&after=CURSOR&until=end`: the stream itself, for who
/// accepts `application/x-ndjson` as lines `{"event":…,"id":…,"data":…}`.
pub async fn stream(
    State(events): State<Events>,
    Extension(listening): Extension<Listening>,
    headers: HeaderMap,
    Query(pairs): Query<Pairs>,
) -> Response {
    let opened = match request::stream(&pairs, &headers) {
        Ok(request) => events.stream(request, listening).await,
        Err(refusal) => Err(refusal),
    };
    opened.unwrap_or_else(Refusal::respond)
}

/// `POST /events/{stream}` with `{"add": […], "remove": […]}`: changes what an open stream shows. Topics are written
/// as in the query: `"jobs"`, `"job=12"`, `"row=12"`. What was added arrives in the stream, as a partial snapshot.
pub async fn change(
    State(events): State<Events>,
    Extension(listening): Extension<Listening>,
    Path(stream): Path<StreamId>,
    body: Bytes,
) -> Response {
    let changed = match Change::parse(&body) {
        Ok(change) => events.change(&stream, change, &listening).await,
        Err(refusal) => Err(refusal),
    };
    changed.map_or_else(Refusal::respond, answer::empty)
}

/// `GET /events/poll?topic=…&job=N&row=N&after=CURSOR&wait=SECONDS`: what the stream would tell, in one answer, for who
/// cannot read a stream as it comes. Its lines are the stream's: `hello`; what was missed, or a snapshot; the newest
/// progress. Where nothing was missed, what comes first within `wait` (0 to 30, default 0); progress alone does not end
/// the first second of it. The last line, `{"id":CURSOR}`, is where to go on.
///
/// Also tells why a stream was not opened, or closed without a word, which a browser's `EventSource` does not: 204 says
/// that nothing will come any more, 400 that there is no going on from this cursor, 429 and 503 when to ask again.
pub async fn poll(
    State(events): State<Events>,
    Extension(listening): Extension<Listening>,
    headers: HeaderMap,
    Query(pairs): Query<Pairs>,
) -> Response {
    let asked = match request::poll(&pairs, &headers) {
        Ok(request) => events.poll(request, listening).await,
        Err(refusal) => Err(refusal),
    };
    asked.unwrap_or_else(Refusal::respond)
}
