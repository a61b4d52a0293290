//! Random identities: run ids and reporters.

use std::fmt::Write as _;

use crate::clock::wall_time;

/// Returns a UUID of version 7: sorted by time, unique on all machines.
pub(crate) fn run_id() -> String {
    let millis = (wall_time().0 / 1000) as u64;
    let mut bytes = random::<16>();
    bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
    bytes[6] = 0x70 | (bytes[6] & 0x0f);
    bytes[8] = 0x80 | (bytes[8] & 0x3f);
    let hex = hex(&bytes);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// Returns a random name for the reporter of one run.
pub(crate) fn reporter() -> String {
    hex(&random::<8>())
}

/// Returns a random number from 0 to 1.
pub(crate) fn random_share() -> f64 {
    f64::from(u32::from_be_bytes(random::<4>())) / f64::from(u32::MAX)
}

/// Returns random bytes. Without a source of randomness, which Linux always has, they come from the hash seeds of `std`.
fn random<const N: usize>() -> [u8; N] {
    use std::hash::{BuildHasher, RandomState};
    let mut bytes = [0; N];
    if getrandom::getrandom(&mut bytes).is_err() {
        let seed = RandomState::new().hash_one(std::process::id()).to_be_bytes();
        for (byte, seed) in bytes.iter_mut().zip(seed.iter().cycle()) {
            *byte = *seed;
        }
    }
    bytes
}

/// Returns the bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_id_is_a_uuid_of_version_7() {
        let id = run_id();
        assert!(wire::is_run(&id) && id.len() == 36 && id.as_bytes()[14] == b'7', "{id}");
        assert_ne!(id, run_id());
    }
}
