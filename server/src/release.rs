//! What `.ci/dist` builds into a release. A build in a working tree has none of it, so that a new commit recompiles
//! nothing.

/// The commit and its date.
pub(crate) const COMMIT: Option<(&str, &str)> =
    match (option_env!("MILEPOST_COMMIT"), option_env!("MILEPOST_COMMIT_DATE")) {
        (Some(commit), Some(date)) => Some((commit, date)),
        _ => None,
    };

/// The licences of the dependencies.
#[cfg(has_licences)]
pub(crate) const LICENCES: Option<&str> = Some(include_str!(env!("MILEPOST_THIRD_PARTY")));
#[cfg(not(has_licences))]
pub(crate) const LICENCES: Option<&str> = None;
