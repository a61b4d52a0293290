//! Secrets that are drawn, not chosen: those of links and of tokens.

use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use sha2::{Digest, Sha256};

/// What tokens begin with, so that people and scanners know one when they see it.
const TOKEN: &str = "mp_";
/// Characters of 256 bits in base64.
const LENGTH: usize = 43;
/// Characters of a token by which its owner knows it again: 30 of its 256 bits.
const HINT: usize = TOKEN.len() + 5;

/// 256 random bits, to be shown once. Kept is only its [`Secret::key`]: with so many bits a plain hash cannot be undone,
/// and looking the hash up tells nobody how much of a guess was right.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The secret of a new link: 43 characters that need no escaping in an address.
    pub fn link() -> Self {
        Self(random())
    }

    /// A new token: `mp_` and 43 characters.
    pub fn token() -> Self {
        Self(format!("{TOKEN}{}", random()))
    }

    /// The secret itself, to be shown to whom it is for.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What the store knows it by.
    pub fn key(&self) -> Vec<u8> {
        key(&self.0)
    }

    /// The first characters of a token.
    pub(crate) fn hint(&self) -> String {
        self.0.chars().take(HINT).collect()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// What the store knows the link with this secret by; `None` where it cannot be one.
pub(crate) fn link_key(secret: &str) -> Option<Vec<u8>> {
    is_random(secret).then(|| key(secret))
}

/// What the store knows this token by; `None` where it cannot be one.
pub(crate) fn token_key(secret: &str) -> Option<Vec<u8>> {
    secret.strip_prefix(TOKEN).is_some_and(is_random).then(|| key(secret))
}

fn random() -> String {
    // The generator of `rand::random` is seeded by the system and made for secrets (ChaCha12).
    Base64UrlUnpadded::encode_string(&rand::random::<[u8; 32]>())
}

fn is_random(text: &str) -> bool {
    text.len() == LENGTH && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

fn key(secret: &str) -> Vec<u8> {
    Sha256::digest(secret).to_vec()
}
