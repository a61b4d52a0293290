//! Profile actions: own password, sessions, tokens, time zone and display name. Each is also a form of the profile page.

use engine::{
    access::Action,
    store::{Attribution, SessionsToEnd, TokenId, UserId},
};
use leptos::prelude::*;
use model::{FieldError, Micros, Scope};

use super::{ApiError, ApiResult, FormResult};
use crate::{components::day, context::app};

/// The longest lifetime of a token that expires, days.
const MAX_TOKEN_DAYS: i64 = 365;

/// Changes the password from `old` to `new`, repeated as `again`. All other sessions end.
#[server(endpoint = "change_password")]
pub async fn change_password(old: String, new: String, again: String) -> ApiResult<FormResult> {
    let (auth, user, by) = own_account()?;
    if new != again {
        let message = "The passwords do not match. Enter both again.".to_owned();
        return Err(ApiError::invalid_input(vec![FieldError { field: "again".to_owned(), message }]));
    }
    auth.change_password(user, &old, &new, app().session, &by).await?;
    Ok(FormResult::new("Password changed. All other sessions were signed out."))
}

/// Ends a session: `session` is the first 16 hexadecimal digits of its key.
#[server(endpoint = "end_session")]
pub async fn end_session(session: String) -> ApiResult<FormResult> {
    let (auth, user, by) = own_account()?;
    let ended = match key(&session) {
        Some(key) => auth.end_sessions(user, SessionsToEnd::One(key), &by).await?,
        None => 0,
    };
    Ok(FormResult::new(if ended == 0 { "That session was already signed out." } else { "Session signed out." }))
}

/// Ends all sessions but this one.
#[server(endpoint = "end_other_sessions")]
pub async fn end_other_sessions() -> ApiResult<FormResult> {
    let (auth, user, by) = own_account()?;
    let which = app().session.map_or(SessionsToEnd::All, SessionsToEnd::Others);
    Ok(FormResult::new(match auth.end_sessions(user, which, &by).await? {
        0 => "There are no other sessions.".to_owned(),
        1 => "Signed out 1 other session.".to_owned(),
        ended => format!("Signed out {ended} other sessions."),
    }))
}

/// Creates a token and returns it once. `read`, `start` and `report` are its scopes; it expires after `expires` days
/// (30, 90, 365 or `never`), or at the end of the day `expires_on`.
#[server(endpoint = "make_token")]
pub async fn make_token(
    name: String,
    read: Option<String>,
    start: Option<String>,
    report: Option<String>,
    expires: String,
    expires_on: Option<String>,
) -> ApiResult<FormResult> {
    let (auth, user, by) = own_account()?;
    let ticked = [(Scope::Read, read), (Scope::Start, start), (Scope::Report, report)];
    let scopes = ticked.into_iter().filter_map(|(scope, ticked)| ticked.map(|_| scope)).collect();
    let date = expires_on.filter(|date| !date.trim().is_empty());
    let ends = match &date {
        Some(date) => Some(end_of_day(date.trim())?),
        None => lifetime(&expires)?.map(|lifetime| Micros(app().engine.now().0 + lifetime)),
    };
    let secret = auth.make_token(user, &name, scopes, ends, &by).await.map_err(ApiError::from);
    let secret =
        secret.map_err(|error| if date.is_some() { error.of_field("expires", "expires_on") } else { error })?;
    let message = format!("Token “{}” created. Copy it now; it will not be shown again.", name.trim());
    Ok(FormResult { message, secret: Some(secret.reveal().to_owned()) })
}

/// Revokes an own token.
#[server(endpoint = "revoke_token")]
pub async fn revoke_token(id: i64) -> ApiResult<FormResult> {
    let (auth, user, by) = own_account()?;
    auth.revoke_token(TokenId(id), &by, Some(user)).await?;
    Ok(FormResult::new("Token revoked. Programs that use it are refused from now on."))
}

/// Sets the time zone of the user's pages: an IANA name, or empty for automatic.
#[server(endpoint = "set_time_zone")]
pub async fn set_time_zone(time_zone: String) -> ApiResult<FormResult> {
    let (auth, user, by) = own_account()?;
    let zone = Some(time_zone.trim()).filter(|zone| !zone.is_empty());
    auth.set_time_zone(user, zone, &by).await?;
    Ok(FormResult::new(match zone {
        Some(zone) => format!("Times are now shown in {zone}."),
        None => "Times are now shown in the time zone of your browser.".to_owned(),
    }))
}

/// Sets the name that pages show for the user: up to 60 characters, or empty for the name to sign in with.
#[server(endpoint = "set_display_name")]
pub async fn set_display_name(display_name: String) -> ApiResult<FormResult> {
    let (auth, user, by) = own_account()?;
    auth.set_display_name(user, &display_name, &by).await?;
    let accounts = auth.accounts();
    Ok(FormResult::new(match accounts.display_name(&by.name) {
        Some(shown) => format!("You are now shown as {shown}."),
        None => format!("You are now shown as {}.", by.name),
    }))
}

fn own_account() -> ApiResult<(accounts::AuthService, UserId, Attribution)> {
    let app = app();
    let user = app.engine.own()?;
    Ok((super::auth(Action::OwnAccount)?, user, app.engine.attribution().clone()))
}

/// Parses the first bytes of a session's key.
fn key(digits: &str) -> Option<Vec<u8>> {
    let number = u64::from_str_radix(digits, 16).ok().filter(|_| digits.len() == 16)?;
    Some(number.to_be_bytes().to_vec())
}

/// Returns the end of a day.
fn end_of_day(date: &str) -> ApiResult<Micros> {
    day(date).map(|day| day.end).ok_or_else(|| {
        let message = format!("“{}” is not a date. Enter it as 2027-03-01.", date.chars().take(40).collect::<String>());
        ApiError::invalid_input(vec![FieldError { field: "expires_on".to_owned(), message }])
    })
}

/// Returns the lifetime of a token, microseconds; `None` if it never expires.
fn lifetime(days: &str) -> ApiResult<Option<i64>> {
    match (days, days.parse()) {
        ("never", _) => Ok(None),
        (_, Ok(days @ 1..=MAX_TOKEN_DAYS)) => Ok(Some(days * 86_400_000_000)),
        _ => {
            let message = format!("Choose up to {MAX_TOKEN_DAYS} days, or never.");
            Err(ApiError::invalid_input(vec![FieldError { field: "expires".to_owned(), message }]))
        }
    }
}
