//! User administration: users, roles and access to tasks. Each is also a form of a settings page.

use engine::{
    access::Action,
    store::{Attribution, KindRule, SessionsToEnd, TokenId, UserId},
};
use leptos::prelude::*;
use model::{FieldError, Role};

use super::{ApiError, ApiResult, FormResult};
use crate::{components::full_name, context::app};

/// Adds a user and returns the invite link once.
#[server(endpoint = "add_user")]
pub async fn add_user(name: String, role: String) -> ApiResult<FormResult> {
    let (auth, by) = manager()?;
    let (user, secret) = auth.add_user(&name, parse_role(&role)?, &by).await?;
    let name = name_of(&auth, user);
    let message = format!("{name} was added. Send this invite link; it will not be shown again (single use, 3 days).");
    Ok(FormResult { message, secret: Some(app().link(&crate::session::setup_link_path(secret.reveal()))) })
}

/// Returns a link to set a new password once. The old password works until the link is used.
#[server(endpoint = "reset_password")]
pub async fn reset_password(user: i64) -> ApiResult<FormResult> {
    let (auth, by) = manager()?;
    let user = UserId(user);
    let secret = auth.make_link(Some(user), &by).await?;
    let name = name_of(&auth, user);
    let message = format!(
        "Send {name} this link to choose a new password, it is not shown again. It works once, for 3 days; until then the \
         old password counts.",
    );
    Ok(FormResult { message, secret: Some(app().link(&crate::session::setup_link_path(secret.reveal()))) })
}

#[server(endpoint = "change_role")]
pub async fn change_role(user: i64, role: String) -> ApiResult<FormResult> {
    let (auth, by) = manager()?;
    let (user, role) = (UserId(user), parse_role(&role)?);
    auth.change_role(user, role, &by).await?;
    Ok(FormResult::new(format!("{} is {} {role} now.", name_of(&auth, user), article(role))))
}

/// Sets the name that pages show for a user: up to 60 characters, or empty for the name to sign in with.
#[server(endpoint = "rename_user")]
pub async fn rename_user(user: i64, display_name: String) -> ApiResult<FormResult> {
    let (auth, by) = manager()?;
    auth.set_display_name(UserId(user), &display_name, &by).await?;
    let accounts = auth.accounts();
    let user = accounts.user(UserId(user));
    let (name, shown) = user.map_or_else(Default::default, |user| (user.name.to_string(), user.display_name.clone()));
    Ok(FormResult::new(match shown {
        Some(shown) => format!("{name} is now shown as {shown}."),
        None => format!("{name} has no display name now."),
    }))
}

/// Ends all sessions of a user.
#[server(endpoint = "end_sessions_of")]
pub async fn end_sessions_of(user: i64) -> ApiResult<FormResult> {
    let (auth, by) = manager()?;
    let user = UserId(user);
    let ended = auth.end_sessions(user, SessionsToEnd::All, &by).await?;
    let name = name_of(&auth, user);
    Ok(FormResult::new(match ended {
        0 => format!("{name} was not signed in."),
        1 => format!("{name} was signed out of 1 session."),
        ended => format!("{name} was signed out of {ended} sessions."),
    }))
}

/// Removes a user. The name is never reused.
#[server(endpoint = "remove_user")]
pub async fn remove_user(user: i64) -> ApiResult<FormResult> {
    let (auth, by) = manager()?;
    let name = name_of(&auth, UserId(user));
    auth.remove_user(UserId(user), &by).await?;
    Ok(FormResult::new(format!("{name} was removed. Jobs and audit log are kept.")))
}

/// Revokes a token of any user.
#[server(endpoint = "revoke_token_of")]
pub async fn revoke_token_of(id: i64) -> ApiResult<FormResult> {
    let (auth, by) = manager()?;
    auth.revoke_token(TokenId(id), &by, None).await?;
    Ok(FormResult::new("Token revoked. Programs that use it are refused from now on."))
}

/// Sets who can run a task (`operator`, `administrator`) and who can see its jobs (`everybody`, `starter`); empty for
/// the task's default.
#[server(endpoint = "change_kind_rule")]
pub async fn change_kind_rule(kind: String, start: String, seen_by: String) -> ApiResult<FormResult> {
    let app = app();
    app.engine.authorise(Action::ManageKinds)?;
    let start = match start.as_str() {
        "" => None,
        word => Some(parse_role(word).map_err(|error| error.of_field("role", "start"))?),
    };
    if start == Some(Role::Viewer) {
        return Err(field_error("start", "Viewers cannot run tasks. Choose operator or administrator."));
    }
    let private = match seen_by.as_str() {
        "" => None,
        "everybody" => Some(false),
        "starter" => Some(true),
        _ => return Err(field_error("seen_by", "Choose everyone or owner.")),
    };
    let name = app.engine.task(&kind).map_or("", |task| task.name);
    app.engine.change_kind_rule(KindRule { kind, start, private }).await?;
    if let Some(auth) = &app.auth {
        auth.refresh().await?;
    }
    Ok(FormResult::new(format!("Saved for {name}.")))
}

fn manager() -> ApiResult<(accounts::AuthService, Attribution)> {
    Ok((super::auth(Action::ManageUsers)?, app().engine.attribution().clone()))
}

fn name_of(auth: &accounts::AuthService, user: UserId) -> String {
    auth.accounts().user(user).map_or_else(String::new, |person| full_name(&person.name))
}

fn parse_role(word: &str) -> ApiResult<Role> {
    Role::from_word(word).ok_or_else(|| field_error("role", "Choose viewer, operator or administrator."))
}

fn field_error(field: &str, message: &str) -> ApiError {
    ApiError::invalid_input(vec![FieldError { field: field.to_owned(), message: message.to_owned() }])
}

const fn article(role: Role) -> &'static str {
    match role {
        Role::Viewer => "a",
        Role::Operator | Role::Administrator => "an",
    }
}
