//! `GET /settings/audit.csv`: the audit log as a file, for whoever keeps or searches it elsewhere.

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
    handlers::{
        api,
        downloads::{self, Pieces},
    },
    middleware::auth::Visit,
};

/// Lines read from the store at once.
const PAGE: u32 = 1_000;

/// Column names.
const COLUMNS: [&str; 7] = ["time", "who", "token", "address", "what", "job", "detail"];

/// All lines that a filter lets through, newest first. A filter that is not understood is refused: a file shows nobody
/// what it leaves out.
pub(crate) async fn csv(
    State(state): State<AppState>,
    Extension(visit): Extension<Visit>,
    query: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Response {
    let values = match query {
        Ok(Query(values)) => values,
        Err(rejection) => return api::refuse(&ApiError::new("malformed", rejection.body_text())),
    };
    let value = |name: &str| values.iter().find(|(known, _)| known == name).map(|(_, text)| text.clone());
    // Days are those of the reader, as on the page.
    let (filter, faults) = Owner::new().with(|| {
        state.context(&visit).provide();
        AuditFilter::read(value)
    });
    if !faults.is_empty() {
        return api::refuse(&ApiError::invalid_input(faults));
    }
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8; header=present")),
        (header::CONTENT_DISPOSITION, downloads::attachment("audit.csv")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, Body::from_stream(lines(state.pieces, visit.engine, filter.query(PAGE)))).into_response()
}

/// The file in pieces, so that a long one is never in memory whole.
fn lines(pieces: Pieces, engine: AuthorizedEngine, query: AuditQuery) -> impl Stream<Item = engine::Result<Bytes>> {
    let begin = Some((engine, query, true));
    stream::try_unfold(begin, move |place| {
        let pieces = pieces.clone();
        async move {
            let Some((engine, query, first)) = place else { return Ok(None) };
            let piece = async move {
                let page = engine.audit(&query).await?;
                let text = text(&page.rows, first);
                let next = page.rows.last().filter(|_| page.older).map(|row| {
                    let query = AuditQuery { before: Some(row.id), ..query };
                    (engine, query, false)
                });
                Ok(Some((text, next)))
            };
            pieces.build(piece).await
        }
    })
    .inspect_err(|error: &engine::Error| tracing::error!(%error, "the export of the audit log broke off"))
}

fn text(rows: &[AuditRow], headed: bool) -> Bytes {
    const FITS: &str = "rows of text, all as long, can be written to memory";

    let mut writer = csv::Writer::from_writer(Vec::new());
    if headed {
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
