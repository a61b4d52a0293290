//! User names: validation and stored form of the name to sign in with.

use engine::access::Actor;

/// The longest name, characters.
pub const LONGEST: usize = 40;

/// Returns the stored form of a name: trimmed, in lower case.
pub fn fold(typed: &str) -> String {
    typed.trim().to_lowercase()
}

/// Validates a name and returns its stored form.
///
/// # Errors
/// A message for the user: what is wrong and what is allowed.
pub fn check(typed: &str) -> Result<String, String> {
    let name = fold(typed);
    let allowed = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "._-@".contains(letter);
    if name.is_empty() {
        return Err(format!("Choose a name of 1 to {LONGEST} letters and digits, such as ada."));
    }
    if let Some(letter) = name.chars().find(|letter| !allowed(*letter)) {
        return Err(format!("A name cannot contain {letter:?}; choose one of letters a to z, digits and . _ - @"));
    }
    if !name.starts_with(|first: char| first.is_ascii_alphanumeric()) {
        return Err("A name begins with a letter or a digit.".to_owned());
    }
    if name.len() > LONGEST {
        return Err(format!("A name has at most {LONGEST} characters; this one has {}.", name.len()));
    }
    if *name == *Actor::Local.attribution(None).name {
        return Err(format!("The name {name} is reserved; choose another one."));
    }
    Ok(name)
}
