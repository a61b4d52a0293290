//! Who sends a request, how that is known, and whether they may: asked at every route but those of script and style.

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

/// A request whose sender is known; one of its extensions.
#[derive(Clone)]
pub(crate) struct Visit {
    /// What they may do.
    pub(crate) engine: AuthorizedEngine,
    /// Where they are.
    pub(crate) address: Option<IpAddr>,
    credential: Credential,
}

/// Lets a request in whose sender may do `action`. What exactly it is done to, the handler asks the desk.
pub(crate) async fn admit(
    State((state, action)): State<(AppState, Action)>,
    mut request: Request,
    next: Next,
) -> Response {
    let address = request.extensions().get::<ClientAddress>().map(|client| client.0);
    let known = match &state.auth {
        None => Ok((Actor::Local, Credential::None)),
        Some(auth) => identify(auth, request.headers(), request.extensions().get()).await,
    };
    let (actor, credential) = match known {
        Ok(known) => known,
        Err(error) => return api::refuse(&error),
    };
    let visit = Visit { engine: state.engine(actor, address), address, credential };
    let allowed = visit.engine.authorise(action);
    if action == Action::Follow {
        request.extensions_mut().insert(visit.subscriber(&state));
    }
    request.extensions_mut().insert(visit);
    match allowed {
        Ok(()) => next.run(request).await,
        // The pages about accounts are the place where people read that there are none.
        Err(engine::Error::Denied(Denied::NoAccounts)) if request.method() == Method::GET => next.run(request).await,
        Err(error) => turn_away(state, request, error).await,
    }
}

/// Who it is: by a token where there is one, else by the session.
async fn identify(
    auth: &AuthService,
    headers: &HeaderMap,
    session: Option<&Session>,
) -> Result<(Actor, Credential), ApiError> {
    if let Some(secret) = bearer(headers) {
        let actor = auth.authenticate_token(secret, sessions::now()).await?;
        let unknown = || ApiError::new("unauthorized", "Invalid or expired token; create a new one");
        return Ok((actor.ok_or_else(unknown)?, Credential::Token(secret.into())));
    }
    let Some(session) = session else { return Ok((Actor::Anonymous, Credential::None)) };
    let (account, id) = (SessionUser::of(session).await?, session.id());
    Ok(match (account, id) {
        (Some(account), Some(id)) => (auth.actor(UserId(account.user)), Credential::Session(sessions::key(id))),
        _ => (Actor::Anonymous, Credential::None),
    })
}

/// The token of a request (RFC 6750, 2.1). Where it cannot be read, or other credentials stand beside it, one that nobody
/// has: such a request must not go on by its session, which it may not even be said to be sent with.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(header::AUTHORIZATION);
    let mut tokens = lines.iter().filter_map(|line| {
        let (scheme, secret) = line.as_bytes().split_at_checked("bearer ".len())?;
        scheme.eq_ignore_ascii_case(b"bearer ").then(|| std::str::from_utf8(secret).unwrap_or_default().trim())
    });
    let token = tokens.next()?;
    Some(if lines.iter().count() == 1 { token } else { "" })
}

/// Says why not: people get a page, programs a status.
pub(crate) async fn turn_away(state: AppState, request: Request, error: engine::Error) -> Response {
    let signed_out = matches!(error, engine::Error::Denied(Denied::SignIn));
    match (api::wants_page(&request), signed_out) {
        (false, _) => api::refuse(&error.into()),
        (true, true) => api::sign_in_first(&request),
        (true, false) => api::forbidden(state, request, error).await,
    }
}

impl Visit {
    /// The session's key, where somebody is signed in by one.
    pub(crate) const fn session(&self) -> Option<&[u8; 32]> {
        match &self.credential {
            Credential::Session(key) => Some(key),
            Credential::None | Credential::Token(_) => None,
        }
    }

    /// The visit as it is let in by now, where what was sent may have taken hours to come.
    pub(crate) async fn again(&self, state: &AppState, action: Action) -> engine::Result<Self> {
        let Some(auth) = &state.auth else { return Ok(self.clone()) };
        let actor = self.actor(auth, &state.sessions).await?;
        let visit = Self { engine: state.engine(actor, self.address), ..self.clone() };
        visit.engine.authorise(action)?;
        Ok(visit)
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

    /// Who the sender is by now. Their session counts as used.
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
