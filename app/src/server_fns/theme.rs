use leptos::prelude::*;

use super::ApiResult;
use crate::session::Theme;

/// Chooses the colour scheme for this browser. `theme` is `system`, `light` or `dark`.
#[server(endpoint = "set_theme")]
#[allow(clippy::unused_async, reason = "a server function is async whether it waits or not")]
pub async fn set_theme(theme: Theme) -> ApiResult<()> {
    let secure = crate::context::app().origin.is_some_and(|origin| origin.starts_with("https:"));
    let cookie = http::HeaderValue::from_str(&theme.cookie(secure)).expect("the cookie is plain ASCII");
    expect_context::<leptos_axum::ResponseOptions>().append_header(http::header::SET_COOKIE, cookie);
    Ok(())
}
