//! Identity of a request: its authenticated sender, by session or token.

use std::net::IpAddr;

use accounts::AuthService;
use app::{
    context::{AppContext, Program},
    server_fns::ApiError,
    session::SessionUser,
};
use engine::{
    AuthorizedEngine,
    access::{Action, Actor},
    store::UserId,
};
use http::{Extensions, HeaderMap};
use sha2::{Digest as _, Sha256};
use tower_sessions::Session;

use crate::{
    AppState,
    credential::{Credential, bearer_token},
    http::assets,
    limits::StreamOwner,
    middleware::{
        client_ip::ClientAddress,
        sessions::{self, Sessions},
    },
    release,
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

impl RequestIdentity {
    /// Authenticates a request.
    pub(crate) async fn authenticate(
        state: &AppState,
        headers: &HeaderMap,
        extensions: &Extensions,
    ) -> Result<Self, ApiError> {
        let address = extensions.get::<ClientAddress>().map(|client| client.0);
        let (actor, credential) = match &state.auth {
            None => (Actor::Local, Credential::None),
            Some(auth) => authenticate(auth, headers, extensions.get()).await?,
        };
        Ok(Self { engine: state.authorized_engine(actor, address), address, credential })
    }

    /// The context of pages and server functions.
    pub(crate) fn context(&self, state: &AppState) -> AppContext {
        AppContext {
            engine: self.engine.clone(),
            auth: state.auth.clone(),
            address: self.address,
            session: self.session().map(|key| key.to_vec()),
            zone: state.time_zone(self.engine.actor()),
            origin: state.config.public_url.as_ref().map(|url| url.origin().ascii_serialization().into()),
            receivers: state.receivers(),
            program: Program {
                version: crate::VERSION,
                commit: release::COMMIT,
                has_licences: release::LICENCES.is_some(),
            },
            uptime: state.started.elapsed(),
            build: assets::build().into(),
            kept_pages: state.config.kept_pages,
            upload_limit: state.config.upload_limit,
            watch: state.config.reload_port.is_some(),
        }
    }

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
    pub(crate) fn subscriber(&self, state: &AppState) -> Subscriber {
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
