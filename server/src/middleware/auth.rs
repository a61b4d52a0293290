//! Authentication and authorisation of requests, on every route except assets.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use engine::access::{Action, Denied};
use http::Method;

use crate::{
    AppState,
    handlers::api,
    http::{
        problem::{self, Rejection},
        response::error_response,
    },
    identity::RequestIdentity,
};

/// Authenticates a request and rejects it unless its sender may do `action`. The handler authorises the object.
pub(crate) async fn require_action(
    State((state, action)): State<(AppState, Action)>,
    mut request: Request,
    next: Next,
) -> Response {
    let identity = match RequestIdentity::authenticate(&state, request.headers(), request.extensions()).await {
        Ok(identity) => identity,
        Err(error) if request.uri().path().starts_with(problem::V1) => return Rejection::from(error).into_response(),
        Err(error) => return error_response(&error),
    };
    let allowed = identity.engine.authorise(action);
    if action == Action::Follow {
        request.extensions_mut().insert(identity.subscriber(&state));
    }
    request.extensions_mut().insert(identity);
    match allowed {
        Ok(()) => next.run(request).await,
        // The pages about accounts show that there are none.
        Err(engine::Error::Denied(Denied::NoAccounts)) if request.method() == Method::GET => next.run(request).await,
        Err(error) if request.uri().path().starts_with(problem::V1) => Rejection::from(error).into_response(),
        Err(error) => api::reject(state, request, error).await,
    }
}
