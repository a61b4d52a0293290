//! Application state, shared by all handlers.

use std::{net::IpAddr, sync::Arc, time::Instant};

use accounts::AuthService;
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
    http::{assets, chunk_pool::ChunkPool, form_outcomes::FormOutcomes},
    middleware::sessions::Sessions,
    stream::{StreamRevoker, StreamService},
};

/// Cheap to clone.
#[derive(Clone)]
pub struct AppState {
    pub engine: Engine,
    /// Authentication; `None` on a server without accounts.
    pub auth: Option<AuthService>,
    /// The rules of kinds on a server without accounts.
    rules: Arc<Rules>,
    pub(crate) sessions: Sessions,
    /// Revokes event streams; `None` without accounts.
    pub(crate) revoker: Option<StreamRevoker>,
    pub streams: StreamService,
    /// Limits the downloads that read the store at a time.
    pub(crate) chunk_pool: ChunkPool,
    pub config: Arc<Config>,
    /// Outcomes of forms that are shown after a redirect.
    pub(crate) form_outcomes: FormOutcomes,
    /// The addresses of script and style.
    pub leptos: LeptosOptions,
    pub(crate) started: Instant,
    /// Cancelled at the start of a graceful shutdown; streams end then.
    pub stop: CancellationToken,
}

impl AppState {
    /// Call it on a runtime.
    pub fn new(
        config: Arc<Config>,
        engine: Engine,
        auth: Option<AuthService>,
        streams: StreamService,
        stop: CancellationToken,
    ) -> Self {
        let rules = Arc::new(Rules::new(declared_rules_of_tasks(&engine), &[]));
        let sessions = Sessions::new(Arc::clone(engine.store()), config.sessions);
        let revoker = auth.clone();
        let revoker = revoker.map(|auth| StreamRevoker::start(auth, sessions.clone(), engine.health()));
        let leptos = LeptosOptions::builder()
            .output_name("milepost")
            .site_pkg_dir(assets::folder())
            .reload_port(config.reload_port.map_or(0, u32::from))
            .build();
        let (chunk_pool, form_outcomes) = (ChunkPool::new(), FormOutcomes::default());
        let started = Instant::now();
        Self {
            engine,
            auth,
            rules,
            sessions,
            revoker,
            streams,
            chunk_pool,
            config,
            form_outcomes,
            leptos,
            started,
            stop,
        }
    }

    /// The engine as `actor` may use it from `address`.
    pub(crate) fn authorized_engine(&self, actor: Actor, address: Option<IpAddr>) -> AuthorizedEngine {
        let rules = match &self.auth {
            Some(auth) => Arc::clone(auth.accounts().rules()),
            None => Arc::clone(&self.rules),
        };
        AuthorizedEngine::new(self.engine.clone(), actor, rules, address)
    }

    /// The time zone that the user has chosen. Clients use that of the server.
    pub(crate) fn time_zone(&self, actor: &Actor) -> Option<TimeZone> {
        let (Actor::User(who), Some(auth)) = (actor, &self.auth) else { return None };
        let accounts = auth.accounts();
        TimeZone::get(accounts.user(who.user)?.time_zone.as_deref()?).ok()
    }

    /// The function that counts the streams which have received a message.
    pub(crate) fn receivers(&self) -> Arc<dyn Fn(Seq) -> usize + Send + Sync> {
        let streams = self.streams.clone();
        Arc::new(move |message| streams.receivers(message))
    }
}

/// The rules that tasks declare: who may start them and see their jobs.
pub(crate) fn declared_rules_of_tasks(engine: &Engine) -> Vec<(String, Rule)> {
    let rule = |task: &TaskInfo| (task.kind.to_string(), Rule { start: task.start_role, private: task.private });
    engine.catalogue().iter().map(rule).collect()
}

/// All declared rules, with those of tasks that no longer exist: their jobs still do.
pub(crate) async fn all_rules(engine: &Engine) -> engine::Result<Vec<(String, Rule)>> {
    let declared = engine.store().declared_rules().await?.into_iter();
    let rule = |rule: DeclaredRule| (rule.kind, Rule { start: rule.start, private: rule.private });
    Ok(declared.map(rule).chain(declared_rules_of_tasks(engine)).collect())
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
