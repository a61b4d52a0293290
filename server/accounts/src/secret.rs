//! Random secrets of one-time links and tokens.

use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use sha2::{Digest, Sha256};

/// The prefix of tokens, by which people and secret scanners recognise them.
const TOKEN_PREFIX: &str = "mp_";
/// Characters of 256 bits in base64.
const RANDOM_LENGTH: usize = 43;
/// Characters of a token that its owner sees later: the prefix and 30 of the 256 bits.
const HINT_LENGTH: usize = TOKEN_PREFIX.len() + 5;

/// 256 random bits, shown once. Only the [`Secret::key`] is stored: a plain hash of 256 random bits cannot be reversed,
/// and the time of a lookup by hash does not reveal how much of a guess was right.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Draws the secret of a new link: 43 characters that need no escaping in a URL.
    pub fn link() -> Self {
        Self(random())
    }

    /// Draws a new token: `mp_` and 43 characters.
    pub fn token() -> Self {
        Self(format!("{TOKEN_PREFIX}{}", random()))
    }

    /// Returns the secret as text, to show it to its owner.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Returns its SHA-256, the key of its row in the store.
    pub fn key(&self) -> Vec<u8> {
        key(&self.0)
    }

    /// Returns the first characters of a token.
    pub(crate) fn hint(&self) -> String {
        self.0.chars().take(HINT_LENGTH).collect()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Returns the key of the link with this secret; `None` if the text cannot be the secret of a link.
pub(crate) fn link_key(secret: &str) -> Option<Vec<u8>> {
    is_random(secret).then(|| key(secret))
}

/// Returns the key of a token; `None` if the text cannot be a token.
pub(crate) fn token_key(secret: &str) -> Option<Vec<u8>> {
    secret.strip_prefix(TOKEN_PREFIX).is_some_and(is_random).then(|| key(secret))
}

fn random() -> String {
    // `rand::random` is cryptographically secure: ChaCha12, seeded by the system.
    Base64UrlUnpadded::encode_string(&rand::random::<[u8; 32]>())
}

fn is_random(text: &str) -> bool {
    text.len() == RANDOM_LENGTH && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

fn key(secret: &str) -> Vec<u8> {
    Sha256::digest(secret).to_vec()
}
