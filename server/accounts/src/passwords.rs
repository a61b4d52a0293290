//! The passwords that people may choose. Long ones, and no rules of composition, as NIST SP 800-63B section 5.1.1 has it.
//!
//! They are hashed as the bytes that were typed. Unicode knows some letters in two forms, which look the same and hash
//! differently; keyboards and browsers agree on one of them (NFC), so nothing is normalised here.

use crate::names;

/// The shortest password, characters.
pub const SHORTEST: usize = 12;
/// The longest password, bytes.
pub const LONGEST: usize = 256;

/// Whether somebody called `name` may choose `password`.
///
/// # Errors
/// What is wrong with it and what would do.
pub fn check(name: &str, password: &str) -> Result<(), String> {
    let length = password.chars().count();
    if length < SHORTEST {
        return Err(format!(
            "A password has at least {SHORTEST} characters; this one has {length}. A few words in a row will do."
        ));
    }
    if password.len() > LONGEST {
        return Err(format!("A password has at most {LONGEST} bytes; this one has {}.", password.len()));
    }
    if names::fold(password) == names::fold(name) {
        return Err("The name is the first that others try; choose another password.".to_owned());
    }
    let mut letters = password.chars();
    let first = letters.next();
    if letters.all(|letter| Some(letter) == first) {
        return Err("This is one character, repeated; choose a few words in a row.".to_owned());
    }
    if is_milepost(password) {
        return Err(
            "The word milepost with digits is among the first that others try; choose another password.".to_owned()
        );
    }
    Ok(())
}

/// The word milepost, once or several times, with digits and signs anywhere.
fn is_milepost(password: &str) -> bool {
    let letters: String = password.chars().filter(|letter| letter.is_alphabetic()).collect();
    !letters.is_empty() && letters.to_lowercase().replace("milepost", "").is_empty()
}
