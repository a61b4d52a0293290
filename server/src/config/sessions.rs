//! Session limits: how long users stay signed in.

use std::time::Duration;

use super::Span;
use crate::{Error, Result};

/// Enough time to fill in a form.
const MIN_LIFETIME: Duration = Duration::from_mins(1);

/// Limits of web sessions.
#[derive(Clone, Copy, Debug)]
pub struct SessionLimits {
    /// Time without use.
    pub idle: Duration,
    /// Time since sign-in.
    pub lifetime: Duration,
}

impl Default for SessionLimits {
    /// 7 days, 30 days.
    fn default() -> Self {
        Self { idle: Duration::from_hours(7 * 24), lifetime: Duration::from_hours(30 * 24) }
    }
}

impl SessionLimits {
    /// Checks the settings; the idle time cannot exceed the lifetime.
    pub(super) fn parse(idle: Option<Span>, lifetime: Option<Span>) -> Result<Self> {
        let default = Self::default();
        let lifetime = lifetime.map_or(default.lifetime, |span| span.0);
        let idle = idle.map_or(default.idle.min(lifetime), |span| span.0);
        if lifetime < MIN_LIFETIME {
            return Err(out_of_range("session_lifetime", lifetime, &format!("{} or more", format(MIN_LIFETIME))));
        }
        if !(MIN_LIFETIME..=lifetime).contains(&idle) {
            let range = format!("{} to {}, the session_lifetime", format(MIN_LIFETIME), format(lifetime));
            return Err(out_of_range("session_idle", idle, &range));
        }
        Ok(Self { idle, lifetime })
    }
}

fn out_of_range(name: &'static str, value: Duration, range: &str) -> Error {
    Error::Setting { name, message: format!("{} is not possible; it can be {range}", format(value)) }
}

fn format(duration: Duration) -> humantime::FormattedDuration {
    humantime::format_duration(duration)
}
