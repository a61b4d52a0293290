//! How long people stay signed in.

use std::time::Duration;

use super::Span;
use crate::{Error, Result};

/// Any shorter, and nobody would get through a form.
const SHORTEST: Duration = Duration::from_mins(1);

/// How long web sessions last.
#[derive(Clone, Copy, Debug)]
pub struct SessionLimits {
    /// Without being used.
    pub idle: Duration,
    /// From sign-in on, used or not.
    pub lifetime: Duration,
}

impl Default for SessionLimits {
    /// 7 days, 30 days.
    fn default() -> Self {
        Self { idle: Duration::from_hours(7 * 24), lifetime: Duration::from_hours(30 * 24) }
    }
}

impl SessionLimits {
    /// As they are set; a session that may be idle for longer than it lives is a mistake.
    pub(super) fn checked(idle: Option<Span>, lifetime: Option<Span>) -> Result<Self> {
        let default = Self::default();
        let lifetime = lifetime.map_or(default.lifetime, |span| span.0);
        let idle = idle.map_or(default.idle.min(lifetime), |span| span.0);
        if lifetime < SHORTEST {
            return Err(impossible("session_lifetime", lifetime, &format!("{} or more", shown(SHORTEST))));
        }
        if !(SHORTEST..=lifetime).contains(&idle) {
            let range = format!("{} to {}, the session_lifetime", shown(SHORTEST), shown(lifetime));
            return Err(impossible("session_idle", idle, &range));
        }
        Ok(Self { idle, lifetime })
    }
}

fn impossible(name: &'static str, value: Duration, range: &str) -> Error {
    Error::Setting { name, message: format!("{} is not possible; it can be {range}", shown(value)) }
}

fn shown(duration: Duration) -> humantime::FormattedDuration {
    humantime::format_duration(duration)
}
