//! Messages and notes. Each is also a form of a page.

use leptos::prelude::*;
use model::{JobId, Seq};
use serde::{Deserialize, Serialize};

use super::{ApiResult, FormResult};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivered {
    /// Its number.
    pub message: Seq,
    /// The number of open event streams it was sent to, one a browser. 0 if it had been sent before with the same key.
    pub receivers: usize,
}

impl Delivered {
    /// Returns the result for the form.
    pub fn done(self) -> FormResult {
        FormResult::new(match self.receivers {
            0 => "Saved. No recipient is online.".to_owned(),
            1 => "Sent to 1 open browser.".to_owned(),
            several => format!("Sent to {} open browsers.", model::count(several as u64)),
        })
    }
}

/// Sends a text of 1 to 1,000 characters to all users (`to` is `everyone`), one user (`user`, with the name as `user`)
/// or the viewers of a job (`job`, with the number as `job`). `tone` is `info`, `success`, `warning` or `danger`. The
/// same `key` sends the same message once.
#[server(endpoint = "send_message")]
pub async fn send_message(
    to: String,
    user: Option<String>,
    job: Option<String>,
    text: String,
    tone: Option<String>,
    key: Option<String>,
) -> ApiResult<Delivered> {
    use model::{MessageTo, Tone};

    let to = match to.as_str() {
        "everyone" => MessageTo::Everyone,
        "user" => MessageTo::User { user: existing_user(&user.unwrap_or_default())? },
        "job" => MessageTo::Job { job: parse_job_number(&job.unwrap_or_default())? },
        _ => return Err(field_error("to", "Choose everyone, one user or one job.")),
    };
    let tone = match tone.as_deref().unwrap_or_default() {
        "" => Tone::default(),
        word => Tone::from_word(word).ok_or_else(|| field_error("tone", "Choose info, success, warning or danger."))?,
    };
    send(to, &text, tone, key).await
}

/// Adds a note of 1 to 4,000 characters to a job. The same `key` adds the same note once.
#[server(endpoint = "add_note")]
pub async fn add_note(id: JobId, text: String, key: Option<String>) -> ApiResult<Delivered> {
    send(model::MessageTo::Note { job: id }, &text, model::Tone::Info, key).await
}

#[cfg(feature = "ssr")]
async fn send(to: model::MessageTo, text: &str, tone: model::Tone, key: Option<String>) -> ApiResult<Delivered> {
    let app = crate::context::app();
    let note = matches!(to, model::MessageTo::Note { .. });
    let sent = app.engine.send_message(to, text, tone, key.as_deref()).await.map_err(|error| match error {
        engine::Error::NoSuchJob(_) if !note => in_field("job", error.into()),
        error => error.into(),
    })?;
    let message = sent.message.number;
    Ok(Delivered { message, receivers: if sent.again { 0 } else { (app.receivers)(message) } })
}

/// Returns the name of an existing user. Without accounts the only user is `local`.
#[cfg(feature = "ssr")]
fn existing_user(name: &str) -> ApiResult<String> {
    let app = crate::context::app();
    let name = name.trim().to_lowercase();
    let here = match &app.auth {
        Some(auth) => auth.accounts().user_named(&name).is_some_and(|person| person.removed_at.is_none()),
        None => *app.engine.attribution().name == *name,
    };
    let unknown = || match name.chars().take(40).collect::<String>() {
        name if name.is_empty() => field_error("user", "Enter the user name of the recipient."),
        name => field_error("user", &format!("There is no user “{name}”.")),
    };
    if here { Ok(name) } else { Err(unknown()) }
}

/// Assigns an error to a field.
#[cfg(feature = "ssr")]
fn in_field(field: &str, error: super::ApiError) -> super::ApiError {
    let field_error = model::FieldError { field: field.to_owned(), message: error.message.clone() };
    super::ApiError { field: Some(field.to_owned()), fields: vec![field_error], ..error }
}

#[cfg(feature = "ssr")]
fn parse_job_number(text: &str) -> ApiResult<JobId> {
    let number = text.trim().trim_start_matches('#').parse();
    number.map_err(|_| field_error("job", "Enter a job number, such as 1042."))
}

#[cfg(feature = "ssr")]
fn field_error(field: &str, message: &str) -> super::ApiError {
    super::ApiError::invalid_input(vec![model::FieldError { field: field.to_owned(), message: message.to_owned() }])
}
