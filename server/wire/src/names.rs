//! Names in addresses: kinds and run ids.

/// Words of the protocol that are no run ids, because they follow the kind in the address of a signal.
const RESERVED: [&str; 8] = ["start", "progress", "log", "finish", "control", "artifacts", ".", ".."];

/// Whether `name` can be the name of a reported kind: 1 to 40 of `a-z 0-9 -`.
pub fn is_kind(name: &str) -> bool {
    let valid = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=40).contains(&name.len()) && name.bytes().all(valid)
}

/// Whether `name` can be a run id: 1 to 64 of `A-Z a-z 0-9 . _ -`, and no word of the protocol.
pub fn is_run(name: &str) -> bool {
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=64).contains(&name.len()) && name.bytes().all(valid) && !RESERVED.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_and_run_ids_fit_into_an_address() {
        assert!(is_kind("nightly-backup") && is_kind("a") && is_kind(&"k".repeat(40)));
        assert!(!is_kind("") && !is_kind("Backup") && !is_kind("a/b") && !is_kind(&"k".repeat(41)) && !is_kind("ä"));
        assert!(is_run("2026-11-24T20.30_1") && is_run(&"r".repeat(64)));
        assert!(!is_run("") && !is_run("..") && !is_run("finish") && !is_run("a b") && !is_run(&"r".repeat(65)));
    }
}
