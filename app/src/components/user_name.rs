//! Names of users. Pages show the display name; the name to sign in with is in its tooltip, and beside it where two
//! users could be confused.

use std::sync::Arc;

use accounts::AccountCache;
use leptos::prelude::*;

/// The accounts that names are looked up in. Provided with each page of a server with accounts.
#[derive(Clone, Debug)]
pub struct UserNames(pub Arc<AccountCache>);

/// Returns the display name of the user with a sign-in name; `None` for a user without one, and for names of no user.
pub fn display_name(name: &str) -> Option<Arc<str>> {
    use_context::<UserNames>()?.0.display_name(name).cloned()
}

/// Returns the name that pages show for the user with a sign-in name.
pub fn shown_name(name: &str) -> String {
    display_name(name).map_or_else(|| name.to_owned(), |shown| shown.to_string())
}

/// Returns both names, as in `Mei Lin (mei)`.
pub fn full_name(name: &str) -> String {
    display_name(name).map_or_else(|| name.to_owned(), |shown| format!("{shown} ({name})"))
}

/// Returns the letters in place of a picture: of the first two words, or of the first one.
pub fn initials(name: &str) -> String {
    let shown = shown_name(name);
    let mut words = shown.split_whitespace().filter_map(|word| word.chars().find(|letter| letter.is_alphanumeric()));
    let letters: String = match (words.next(), words.next()) {
        (Some(first), Some(second)) => [first, second].iter().collect(),
        _ => shown.chars().filter(|letter| letter.is_alphanumeric()).take(2).collect(),
    };
    letters.to_uppercase()
}

/// The name that pages show for a user. Isolated from the text around it, whose direction it may not change.
#[component]
pub fn UserName(
    /// The name to sign in with.
    #[prop(into)]
    name: String,
) -> impl IntoView {
    match display_name(&name) {
        Some(shown) => view! { <bdi title=name>{shown.to_string()}</bdi> }.into_any(),
        None => name.into_any(),
    }
}
