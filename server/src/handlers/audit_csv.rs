//! Audit log export, `GET /settings/audit.csv`.

use app::{pages::settings::AuditFilter, server_fns::ApiError};
use axum::{
    Extension,
    body::Body,
    extract::{Query, State, rejection::QueryRejection},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use engine::{
    AuthorizedEngine,
    store::{AuditQuery, AuditRow},
};
use futures_util::{Stream, TryStreamExt, stream};
use http::{HeaderValue, header};
use leptos::prelude::Owner;
use tasks::escape_cell;

use crate::{
    AppState,
    handlers::downloads,
    http::{chunk_pool::ChunkPool, response::error_response},
    identity::RequestIdentity,
};

/// Rows read from the store at once.
const ROWS_PER_QUERY: u32 = 1_000;

const COLUMNS: [&str; 7] = ["time", "who", "token", "address", "what", "job", "detail"];

/// All rows that match the filter, newest first. An invalid filter is rejected, because a file does not show what it
/// leaves out.
pub(crate) async fn export(
    State(state): State<AppState>,
    Extension(identity): Extension<RequestIdentity>,
    query: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Response {
    let values = match query {
        Ok(Query(values)) => values,
        Err(rejection) => return error_response(&ApiError::new("malformed", rejection.body_text())),
    };
    let value = |name: &str| values.iter().find(|(known, _)| known == name).map(|(_, encode)| encode.clone());
    // Days in the time zone of the user, as on the page.
    let (filter, faults) = Owner::new().with(|| {
        identity.context(&state).provide();
        AuditFilter::read(value)
    });
    if !faults.is_empty() {
        return error_response(&ApiError::invalid_input(faults));
    }
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8; header=present")),
        (header::CONTENT_DISPOSITION, downloads::attachment("audit.csv")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, Body::from_stream(csv_stream(state.chunk_pool, identity.engine, filter.query(ROWS_PER_QUERY))))
        .into_response()
}

/// The file in chunks, so that a long one is never in memory as a whole.
fn csv_stream(
    chunk_pool: ChunkPool,
    engine: AuthorizedEngine,
    query: AuditQuery,
) -> impl Stream<Item = engine::Result<Bytes>> {
    let begin = Some((engine, query, true));
    stream::try_unfold(begin, move |place| {
        let chunk_pool = chunk_pool.clone();
        async move {
            let Some((engine, query, first)) = place else { return Ok(None) };
            let chunk = async move {
                let page = engine.audit(&query).await?;
                let bytes = encode(&page.rows, first);
                let next = page.rows.last().filter(|_| page.older).map(|row| {
                    let query = AuditQuery { before: Some(row.id), ..query };
                    (engine, query, false)
                });
                Ok(Some((bytes, next)))
            };
            chunk_pool.run(chunk).await
        }
    })
    .inspect_err(|error: &engine::Error| tracing::error!(%error, "the export of the audit log broke off"))
}

fn encode(rows: &[AuditRow], with_header: bool) -> Bytes {
    const FITS: &str = "rows of text, all as long, can be written to memory";

    let mut writer = csv::Writer::from_writer(Vec::new());
    if with_header {
        writer.write_record(COLUMNS).expect(FITS);
    }
    for row in rows {
        let [time, address] = [downloads::rfc3339(row.at), row.by.address.map(|ip| ip.to_string()).unwrap_or_default()];
        let job = row.job.map(|job| job.to_string()).unwrap_or_default();
        let token = row.by.token.as_deref().unwrap_or_default();
        let cells = [&*time, &*row.by.name, token, &*address, &*row.what, &*job, &*row.detail];
        writer.write_record(cells.map(|text| escape_cell(text).into_owned())).expect(FITS);
    }
    writer.into_inner().expect(FITS).into()
}
