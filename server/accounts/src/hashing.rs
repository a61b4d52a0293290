//! argon2id, a few at a time: each takes a core and 19 MiB for some 30 ms, and whoever signs in decides when.

use std::sync::Arc;

use argon2::{
    Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version,
    password_hash::{Salt, SaltString},
};
use tokio::sync::Semaphore;

/// What argon2id takes of memory (KiB), and how many passes it makes over it, on one lane: OWASP's least
/// (<https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html#argon2id>).
pub const MEMORY: u32 = 19 * 1024;
/// See [`MEMORY`].
pub const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Hashes at once.
const AT_ONCE: usize = 2;
/// Those that may wait for a turn: a second's worth.
const WAITING: usize = 32;

/// Too many wait already.
#[derive(Debug)]
pub(crate) struct Busy;

/// Hashes and verifies passwords.
pub(crate) struct Hasher {
    turns: Arc<Semaphore>,
    places: Semaphore,
    /// The hash of no password, to be verified where there is none.
    dummy: String,
}

/// Whether a password is the right one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is not.
    Wrong,
    /// It is.
    Right {
        /// Its hash as it would be made today, where it was made otherwise.
        rehashed: Option<String>,
    },
}

impl Hasher {
    /// Ready to hash. Takes the time of one hash.
    pub(crate) fn new() -> Self {
        let dummy = make("");
        Self { turns: Arc::new(Semaphore::new(AT_ONCE)), places: Semaphore::new(AT_ONCE + WAITING), dummy }
    }

    /// The hash of `password`, as a PHC string.
    pub(crate) async fn hash(&self, password: &str) -> Result<String, Busy> {
        let password = password.to_owned();
        self.in_turn(move || make(&password)).await
    }

    /// Whether `password` is what `kept` was made from. Takes the same time where nothing is kept.
    pub(crate) async fn verify(&self, kept: Option<String>, password: &str) -> Result<Verdict, Busy> {
        let exists = kept.is_some();
        let kept = kept.unwrap_or_else(|| self.dummy.clone());
        let password = password.to_owned();
        self.in_turn(move || match judge(&kept, &password) {
            Verdict::Right { .. } if !exists => Verdict::Wrong,
            verdict => verdict,
        })
        .await
    }

    async fn in_turn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Busy> {
        let _place = self.places.try_acquire().map_err(|_| Busy)?;
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(|_| Busy)?;
        let work = move || {
            // Held by the work itself: who stops waiting for it does not make it end.
            let _turn = turn;
            work()
        };
        // It fails only where the runtime ends before the work has begun.
        tokio::task::spawn_blocking(work).await.map_err(|_| Busy)
    }
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY, PASSES, LANES, None).expect("OWASP's parameters are within argon2's limits");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn make(password: &str) -> String {
    let salt = SaltString::encode_b64(&rand::random::<[u8; Salt::RECOMMENDED_LENGTH]>());
    let salt = salt.expect("the recommended length is within the limits");
    let hash = argon2().hash_password(password.as_bytes(), &salt);
    hash.expect("any bytes can be hashed with these parameters").to_string()
}

/// Verifies with the parameters that the hash names.
fn judge(kept: &str, password: &str) -> Verdict {
    let Ok(hash) = PasswordHash::new(kept) else {
        tracing::error!("a password hash cannot be read; its user cannot sign in");
        return Verdict::Wrong;
    };
    if argon2().verify_password(password.as_bytes(), &hash).is_err() {
        return Verdict::Wrong;
    }
    let is_current = hash.algorithm == Algorithm::Argon2id.ident()
        && hash.version == Some(Version::V0x13.into())
        && Params::try_from(&hash)
            .is_ok_and(|params| (params.m_cost(), params.t_cost(), params.p_cost()) == (MEMORY, PASSES, LANES));
    Verdict::Right { rehashed: (!is_current).then(|| make(password)) }
}
