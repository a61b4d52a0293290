//! Password hashing with argon2id. A hash takes one core and 19 MiB for about 30 ms, so concurrency is bounded.

use std::sync::Arc;

use argon2::{
    Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version,
    password_hash::{Salt, SaltString},
};
use tokio::sync::Semaphore;

/// Memory of argon2id in KiB, on one lane. The minimum that OWASP recommends
/// (<https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html#argon2id>).
pub const ARGON2_MEMORY: u32 = 19 * 1024;
/// Passes of argon2id over its memory; see [`ARGON2_MEMORY`].
pub const ARGON2_PASSES: u32 = 2;
const LANES: u32 = 1;

/// Hashes that are computed at once.
const MAX_RUNNING: usize = 2;
/// Hashes that may wait: about one second of work.
const MAX_WAITING: usize = 32;

/// Too many hashes wait already.
#[derive(Debug)]
pub(crate) struct Busy;

/// Hashes and verifies passwords, a bounded number at once.
pub(crate) struct PasswordHashing {
    running: Arc<Semaphore>,
    admitted: Semaphore,
    /// Verified in place of a missing hash, so that the time taken does not reveal whether a user exists.
    dummy: String,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verification {
    Mismatch,
    Match {
        /// A hash with today's parameters, if the stored one has others.
        rehashed: Option<String>,
    },
}

impl PasswordHashing {
    /// Takes the time of one hash, for the dummy.
    pub(crate) fn new() -> Self {
        let dummy = hash_password("");
        Self {
            running: Arc::new(Semaphore::new(MAX_RUNNING)),
            admitted: Semaphore::new(MAX_RUNNING + MAX_WAITING),
            dummy,
        }
    }

    /// Returns the hash of `password` as a PHC string.
    pub(crate) async fn hash(&self, password: &str) -> Result<String, Busy> {
        let password = password.to_owned();
        self.run_bounded(move || hash_password(&password)).await
    }

    /// Verifies `password` against a stored hash. Takes the same time if there is none.
    pub(crate) async fn verify(&self, stored: Option<String>, password: &str) -> Result<Verification, Busy> {
        let exists = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.dummy.clone());
        let password = password.to_owned();
        self.run_bounded(move || match verify_password(&stored, &password) {
            Verification::Match { .. } if !exists => Verification::Mismatch,
            verification => verification,
        })
        .await
    }

    async fn run_bounded<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Busy> {
        let _admitted = self.admitted.try_acquire().map_err(|_| Busy)?;
        let permit = Arc::clone(&self.running).acquire_owned().await.map_err(|_| Busy)?;
        let work = move || {
            // Held by the work itself, which continues when its caller is dropped.
            let _permit = permit;
            work()
        };
        // Fails only if the runtime shuts down before the work has started.
        tokio::task::spawn_blocking(work).await.map_err(|_| Busy)
    }
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(ARGON2_MEMORY, ARGON2_PASSES, LANES, None);
    let params = params.expect("OWASP's parameters are within argon2's limits");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn hash_password(password: &str) -> String {
    let salt = SaltString::encode_b64(&rand::random::<[u8; Salt::RECOMMENDED_LENGTH]>());
    let salt = salt.expect("the recommended length is within the limits");
    let hash = argon2().hash_password(password.as_bytes(), &salt);
    hash.expect("any bytes can be hashed with these parameters").to_string()
}

/// Verifies with the algorithm and parameters that are named in the hash.
fn verify_password(stored: &str, password: &str) -> Verification {
    let Ok(hash) = PasswordHash::new(stored) else {
        tracing::error!("a password hash cannot be read; its user cannot sign in");
        return Verification::Mismatch;
    };
    if argon2().verify_password(password.as_bytes(), &hash).is_err() {
        return Verification::Mismatch;
    }
    let is_current = hash.algorithm == Algorithm::Argon2id.ident()
        && hash.version == Some(Version::V0x13.into())
        && Params::try_from(&hash).is_ok_and(|params| {
            (params.m_cost(), params.t_cost(), params.p_cost()) == (ARGON2_MEMORY, ARGON2_PASSES, LANES)
        });
    Verification::Match { rehashed: (!is_current).then(|| hash_password(password)) }
}
