//! What handlers share.

use std::sync::Arc;

use app::context::AppContext;
use axum::extract::FromRef;
use engine::Engine;
use leptos::config::LeptosOptions;
use tokio_util::sync::CancellationToken;

use crate::{assets, config::Config, events::Events};

/// Given to every handler. Cheap to clone.
#[derive(Clone)]
pub struct AppState {
    /// The job engine.
    pub engine: Engine,
    /// What pages and server functions are given.
    pub app: AppContext,
    /// The event streams.
    pub events: Events,
    /// How the server was started.
    pub config: Arc<Config>,
    /// Where the pages find their script and style.
    pub leptos: LeptosOptions,
    /// Cancelled when the server is to stop: whatever would stay open ends itself then.
    pub stop: CancellationToken,
}

impl AppState {
    /// Puts together what handlers need.
    pub fn new(config: Arc<Config>, engine: Engine, events: Events, stop: CancellationToken) -> Self {
        let app = AppContext {
            engine: engine.clone(),
            build: assets::build().into(),
            upload_limit: config.upload_limit,
            watch: config.reload_port.is_some(),
        };
        let leptos = LeptosOptions::builder()
            .output_name("milepost")
            .site_pkg_dir(assets::folder())
            .reload_port(config.reload_port.map_or(0, u32::from))
            .build();
        Self { engine, app, events, config, leptos, stop }
    }
}

impl FromRef<AppState> for Engine {
    fn from_ref(state: &AppState) -> Self {
        state.engine.clone()
    }
}

impl FromRef<AppState> for AppContext {
    fn from_ref(state: &AppState) -> Self {
        state.app.clone()
    }
}

impl FromRef<AppState> for Events {
    fn from_ref(state: &AppState) -> Self {
        state.events.clone()
    }
}
