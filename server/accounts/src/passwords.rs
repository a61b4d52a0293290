//! Password rules: a minimum length and no rules of composition, following NIST SP 800-63B section 5.1.1.
//!
//! The bytes are hashed as typed. Unicode has two forms of some letters, which look alike and hash differently;
//! keyboards and browsers agree on one of them (NFC), so passwords are not normalised.

use crate::user_names;

/// The shortest password, characters.
pub const SHORTEST: usize = 12;
/// The longest password, bytes.
pub const LONGEST: usize = 256;

/// Validates `password` for the user `name`.
///
/// # Errors
/// A message for the user: what is wrong and what is allowed.
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
    if user_names::fold(password) == user_names::fold(name) {
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

/// Whether the letters of a password are the word milepost, once or repeated; digits and signs do not count.
fn is_milepost(password: &str) -> bool {
    let letters: String = password.chars().filter(|letter| letter.is_alphabetic()).collect();
    !letters.is_empty() && letters.to_lowercase().replace("milepost", "").is_empty()
}
