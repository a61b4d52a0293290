//! Authentication and authorisation of requests, on every route except assets.

use std::net::IpAddr;

use accounts::AuthService;
use app::{server_fns::ApiError, session::SessionUser};
use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use engine::{
    AuthorizedEngine,
    access::{Action, Actor, Denied},
    store::UserId,
};
use http::{HeaderMap, Method, header};
use sha2::{Digest as _, Sha256};
use tower_sessions::Session;

use crate::{
    AppState,
    credential::Credential,
    handlers::api,
    limits::StreamOwner,
    middleware::{
        client_ip::ClientAddress,
        sessions::{self, Sessions},
    },
    stream::{Grant, Subscriber},
};

/// The authenticated sender of a request, one of its extensions.
#[derive(Clone)]
pub(crate) struct RequestIdentity {
    /// The engine as the sender may use it.
    pub(crate) engine: AuthorizedEngine,
    pub(crate) address: Option<IpAddr>,
    credential: Credential,
}

/// Authenticates a request and rejects it unless its sender may do `action`. The handler authorises the object.
pub(crate) async fn require_action(
    State((state, action)): State<(AppState, Action)>,
    mut request: Request,
    next: Next,
) -> Response {
    let address = request.extensions().get::<ClientAddress>().map(|client| client.0);
    let authenticated = match &state.auth {
        None => Ok((Actor::Local, Credential::None)),
        Some(auth) => authenticate(auth, request.headers(), request.extensions().get()).await,
    };
    let (actor, credential) = match authenticated {
        Ok(authenticated) => authenticated,
        Err(error) => return api::error_response(&error),
    };
    let identity = RequestIdentity { engine: state.authorized_engine(actor, address), address, credential };
    let allowed = identity.engine.authorise(action);
    if action == Action::Follow {
        request.extensions_mut().insert(identity.subscriber(&state));
    }
    request.extensions_mut().insert(identity);
    match allowed {
        Ok(()) => next.run(request).await,
        // The pages about accounts show that there are none.
        Err(engine::Error::Denied(Denied::NoAccounts)) if request.method() == Method::GET => next.run(request).await,
        Err(error) => reject(state, request, error).await,
    }
}

/// The actor by the token, if there is one, else by the session.
async fn authenticate(
    auth: &AuthService,
    headers: &HeaderMap,
    session: Option<&Session>,
) -> Result<(Actor, Credential), ApiError> {
    if let Some(secret) = bearer_token(headers) {
        let actor = auth.authenticate_token(secret, sessions::now()).await?;
        let unknown = || ApiError::new("unauthorized", "Invalid or expired token; create a new one");
        return Ok((actor.ok_or_else(unknown)?, Credential::Token(secret.into())));
    }
    let Some(session) = session else { return Ok((Actor::Anonymous, Credential::None)) };
    let (user, id) = (SessionUser::of(session).await?, session.id());
    Ok(match (user, id) {
        (Some(user), Some(id)) => (auth.actor(UserId(user.user)), Credential::Session(sessions::key(id))),
        _ => (Actor::Anonymous, Credential::None),
    })
}

/// The token of a request (RFC 6750, 2.1). An empty, invalid one if the header cannot be read or there are several:
/// such a request must not fall back to its session, which may have been sent without the intention of the user.
pub(crate) fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(header::AUTHORIZATION);
    let mut tokens = lines.iter().filter_map(|line| {
        let (scheme, secret) = line.as_bytes().split_at_checked("bearer ".len())?;
        scheme.eq_ignore_ascii_case(b"bearer ").then(|| std::str::from_utf8(secret).unwrap_or_default().trim())
    });
    let token = tokens.next()?;
    Some(if lines.iter().count() == 1 { token } else { "" })
}

/// The response to a request that is not allowed: a page or a redirect for browsers, a status for clients.
pub(crate) async fn reject(state: AppState, request: Request, error: engine::Error) -> Response {
    let signed_out = matches!(error, engine::Error::Denied(Denied::SignIn));
    match (api::wants_html(&request), signed_out) {
        (false, _) => api::error_response(&error.into()),
        (true, true) => api::redirect_to_sign_in(&request),
        (true, false) => api::forbidden(state, request, error).await,
    }
}

impl RequestIdentity {
    /// The key of the session, if the user is signed in by one.
    pub(crate) const fn session(&self) -> Option<&[u8; 32]> {
        match &self.credential {
            Credential::Session(key) => Some(key),
            Credential::None | Credential::Token(_) => None,
        }
    }

    /// Authorises the request again: its body may have taken hours.
    pub(crate) async fn reauthorise(&self, state: &AppState, action: Action) -> engine::Result<Self> {
        let Some(auth) = &state.auth else { return Ok(self.clone()) };
        let actor = self.actor(auth, &state.sessions).await?;
        let identity = Self { engine: state.authorized_engine(actor, self.address), ..self.clone() };
        identity.engine.authorise(action)?;
        Ok(identity)
    }

    /// The subscriber of an event stream that the request opens.
    fn subscriber(&self, state: &AppState) -> Subscriber {
        let (actor, visibility) = (self.engine.actor().clone(), self.engine.visibility().clone());
        let grant = Grant { credential: self.credential.clone(), actor, visibility: visibility.clone() };
        let revocation = state.revoker.as_ref().map(|revoker| revoker.revocation(grant));
        let session = match &self.credential {
            Credential::None => None,
            Credential::Session(key) => Some(*key),
            Credential::Token(secret) => Some(Sha256::digest(secret.as_bytes()).into()),
        };
        let user = self.engine.actor().principal().map(|who| who.user);
        let owner = StreamOwner { session, user, address: self.address };
        Subscriber { visibility, revocation, owner }
    }

    /// The present actor of the credential. The session counts as used.
    async fn actor(&self, auth: &AuthService, sessions: &Sessions) -> engine::Result<Actor> {
        Ok(match &self.credential {
            Credential::None => Actor::Anonymous,
            Credential::Token(secret) => {
                auth.authenticate_token(secret, sessions::now()).await?.unwrap_or(Actor::Anonymous)
            }
            Credential::Session(key) => match sessions.find(key).await?.and_then(|row| row.owner) {
                None => Actor::Anonymous,
                Some(owner) => {
                    sessions.touch(key, &owner);
                    auth.actor(owner.user)
                }
            },
        })
    }
}
