use leptos::prelude::*;

use super::ApiResult;
use crate::session::Theme;

/// Sets the colour scheme of this browser: `system`, `light` or `dark`.
#[server(endpoint = "set_theme")]
#[allow(clippy::unused_async, reason = "a server function is async whether it waits or not")]
pub async fn set_theme(theme: Theme) -> ApiResult<()> {
    let secure = crate::context::app().origin.is_some_and(|origin| origin.starts_with("https:"));
    let cookie = http::HeaderValue::from_str(&theme.cookie(secure)).expect("the cookie is plain ASCII");
    expect_context::<leptos_axum::ResponseOptions>().append_header(http::header::SET_COOKIE, cookie);
    Ok(())
}
