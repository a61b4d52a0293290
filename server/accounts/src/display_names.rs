//! Display names: the optional names that pages show in place of the names to sign in with.

use engine::{
    Result,
    access::Actor,
    store::{Attribution, UserChange, UserId},
};
use model::{comparable_name, is_invisible, is_unprintable};

use crate::{
    AuthService,
    field_errors::{invalid_field, name_taken},
};

/// The longest display name, characters.
const LONGEST: usize = 60;
/// First words of names in the history that are of no user, such as `milepost user` and `schedule Nightly`.
const RESERVED_WORDS: [&str; 2] = ["milepost", "schedule"];

impl AuthService {
    /// Changes the display name of a user; an empty one removes it.
    ///
    /// # Errors
    /// `InvalidInput` names `display_name` if it is invalid, or looks like a name of another user; `Refused`:
    /// `no_such_user`.
    pub async fn set_display_name(&self, user: UserId, typed: &str, by: &Attribution) -> Result<()> {
        let name = check(typed).map_err(|message| invalid_field("display_name", message))?;
        let changed = self.change(user, UserChange::DisplayName(name), by).await;
        changed.map_err(name_taken("display_name"))
    }
}

/// Validates a display name and returns its stored form; `None` for an empty one.
fn check(typed: &str) -> Result<Option<String>, String> {
    let name = typed.trim();
    if name.is_empty() {
        return Ok(None);
    }
    let length = name.chars().count();
    if length > LONGEST {
        return Err(format!("A display name has at most {LONGEST} characters; this one has {length}."));
    }
    if name.chars().any(is_unprintable) {
        return Err("A display name is one line without control characters. Type it again.".to_owned());
    }
    if name.chars().all(is_invisible) {
        return Err("This name would be invisible. Enter letters, or leave it empty.".to_owned());
    }
    let first_word = name.split_whitespace().next().map(comparable_name).unwrap_or_default();
    let is_local = comparable_name(name) == *Actor::Local.attribution(None).name;
    if is_local || RESERVED_WORDS.contains(&&*first_word) {
        return Err(format!("The name “{name}” is reserved. Choose another one."));
    }
    Ok(Some(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_name_is_trimmed_and_may_be_of_any_script() {
        for name in
            ["A", "Ada Lovelace", "Łukasz Żółć", "李梅", "שרה לוי", "محمد", "Mei 👩🏽‍💻", &"x".repeat(60), &"日".repeat(60)]
        {
            assert_eq!(check(&format!(" {name}\u{3000}")), Ok(Some(name.to_owned())));
        }
        assert_eq!([check(""), check(" \t\n")], [Ok(None), Ok(None)]);
    }

    #[test]
    fn display_name_that_deceives_is_rejected_with_the_reason() {
        let long = "x".repeat(61);
        for (name, why) in [
            (&*long, "at most 60"),
            ("a\nb", "control characters"),
            ("a\u{1b}[31m", "control characters"),
            ("a\0b", "control characters"),
            ("\u{202e}ada", "control characters"),
            ("a\u{2066}b", "control characters"),
            ("\u{200b}", "invisible"),
            ("\u{3164}\u{2060}", "invisible"),
            ("Local", "reserved"),
            ("lo\u{200b}cal", "reserved"),
            ("Milepost user", "reserved"),
            ("schedule Nightly", "reserved"),
        ] {
            assert!(check(name).is_err_and(|message| message.contains(why)), "{name:?}");
        }
    }
}
