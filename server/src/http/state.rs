//! What handlers share.

use std::{net::IpAddr, sync::Arc};

use accounts::AuthService;
use app::context::AppContext;
use axum::extract::FromRef;
use engine::{
    AuthorizedEngine, Engine, TaskInfo,
    access::{Actor, Rule, Rules},
    store::DeclaredRule,
};
use jiff::tz::TimeZone;
use leptos::config::LeptosOptions;
use model::Seq;
use tokio_util::sync::CancellationToken;

use crate::{
    config::Config,
    handlers::downloads::Pieces,
    http::assets,
    middleware::{auth::Visit, sessions::Sessions},
    stream::{StreamRevoker, StreamService},
};

/// Given to every handler. Cheap to clone.
#[derive(Clone)]
pub struct AppState {
    /// The job engine.
    pub engine: Engine,
    /// The accounts; `None` on a server that works without.
    pub auth: Option<AuthService>,
    /// What holds for kinds where there are no accounts.
    rules: Arc<Rules>,
    /// Web sessions.
    pub(crate) sessions: Sessions,
    /// Revokes event streams; `None` without accounts.
    pub(crate) revoker: Option<StreamRevoker>,
    /// The event streams.
    pub streams: StreamService,
    /// Builds what is downloaded from the store.
    pub(crate) pieces: Pieces,
    /// How the server was started.
    pub config: Arc<Config>,
    /// Where the pages find their script and style.
    pub leptos: LeptosOptions,
    /// Cancelled when the server is to stop: whatever would stay open ends itself then.
    pub stop: CancellationToken,
}

impl AppState {
    /// Puts together what handlers need. To be called on a runtime.
    pub fn new(
        config: Arc<Config>,
        engine: Engine,
        auth: Option<AuthService>,
        streams: StreamService,
        stop: CancellationToken,
    ) -> Self {
        let rules = Arc::new(Rules::new(task_rules(&engine), &[]));
        let sessions = Sessions::new(Arc::clone(engine.store()), config.sessions);
        let revoker = auth.clone();
        let revoker = revoker.map(|auth| StreamRevoker::start(auth, sessions.clone(), engine.health()));
        let leptos = LeptosOptions::builder()
            .output_name("milepost")
            .site_pkg_dir(assets::folder())
            .reload_port(config.reload_port.map_or(0, u32::from))
            .build();
        Self { engine, auth, rules, sessions, revoker, streams, pieces: Pieces::new(), config, leptos, stop }
    }

    /// The engine as `actor`, who asks from `address`, may use it.
    pub(crate) fn engine(&self, actor: Actor, address: Option<IpAddr>) -> AuthorizedEngine {
        let rules = match &self.auth {
            Some(auth) => Arc::clone(auth.accounts().rules()),
            None => Arc::clone(&self.rules),
        };
        AuthorizedEngine::new(self.engine.clone(), actor, rules, address)
    }

    /// The time zone that somebody has chosen. It is for people: what a program says of times means the server's.
    fn zone(&self, actor: &Actor) -> Option<TimeZone> {
        let (Actor::User(who), Some(auth)) = (actor, &self.auth) else { return None };
        let accounts = auth.accounts();
        TimeZone::get(accounts.user(who.user)?.time_zone.as_deref()?).ok()
    }

    fn receivers(&self) -> Arc<dyn Fn(Seq) -> usize + Send + Sync> {
        let streams = self.streams.clone();
        Arc::new(move |message| streams.receivers(message))
    }

    /// What pages and server functions are given.
    pub(crate) fn context(&self, visit: &Visit) -> AppContext {
        AppContext {
            engine: visit.engine.clone(),
            auth: self.auth.clone(),
            address: visit.address,
            session: visit.session().map(|key| key.to_vec()),
            zone: self.zone(visit.engine.actor()),
            origin: self.config.public_url.as_ref().map(|url| url.origin().ascii_serialization().into()),
            receivers: self.receivers(),
            build: assets::build().into(),
            kept_pages: self.config.kept_pages,
            upload_limit: self.config.upload_limit,
            watch: self.config.reload_port.is_some(),
        }
    }
}

/// What tasks say themselves of who may start them and see their jobs.
pub(crate) fn task_rules(engine: &Engine) -> Vec<(String, Rule)> {
    let rule = |task: &TaskInfo| (task.kind.to_string(), Rule { start: task.start_role, private: task.private });
    engine.catalogue().iter().map(rule).collect()
}

/// The same, and what tasks said that there are no more: jobs of theirs are still there.
pub(crate) async fn known_rules(engine: &Engine) -> engine::Result<Vec<(String, Rule)>> {
    let declared = engine.store().declared_rules().await?.into_iter();
    let rule = |rule: DeclaredRule| (rule.kind, Rule { start: rule.start, private: rule.private });
    Ok(declared.map(rule).chain(task_rules(engine)).collect())
}

impl FromRef<AppState> for Engine {
    fn from_ref(state: &AppState) -> Self {
        state.engine.clone()
    }
}

impl FromRef<AppState> for StreamService {
    fn from_ref(state: &AppState) -> Self {
        state.streams.clone()
    }
}
