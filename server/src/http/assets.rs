//! Script, style and icons. A release build carries them inside, under a folder named by their content, cached for
//! good; a debug build without the feature `embed` reads them from disk, so that a rebuilt style needs no rebuilt
//! server.

use std::{
    borrow::Cow,
    fmt::Write as _,
    sync::{LazyLock, OnceLock},
};

use axum::{
    body::Body,
    extract::Path,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use rust_embed::{EmbeddedFile, RustEmbed};
use sha2::{Digest, Sha256};

/// The site, which the program brings: this library is compiled before there is one.
static SITE: OnceLock<Site> = OnceLock::new();

struct Site {
    names: fn() -> Vec<Cow<'static, str>>,
    get: fn(&str) -> Option<EmbeddedFile>,
}

/// Serves the site of `S`. Only the first call has an effect.
pub fn register_site<S: RustEmbed>() {
    let _ = SITE.set(Site { names: || S::iter().collect(), get: S::get });
}

fn site_file(name: &str) -> Option<EmbeddedFile> {
    SITE.get().and_then(|site| (site.get)(name))
}

/// Files that the site contains unchanged, such as icons; present even without a built site.
#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../public"]
struct Public;

/// Whether the site is part of the program.
const EMBEDDED: bool = cfg!(any(feature = "embed", not(debug_assertions)));

/// The build id: twelve hexadecimal digits of a digest over the site; `dev` for a build without it.
pub fn build() -> &'static str {
    static BUILD: LazyLock<String> = LazyLock::new(|| {
        if !EMBEDDED {
            return "dev".to_owned();
        }
        let mut names = SITE.get().map(|site| (site.names)()).unwrap_or_default();
        names.sort();
        let digest = names.iter().fold(Sha256::new(), |digest, name| {
            let hash = site_file(name).map(|file| file.metadata.sha256_hash()).unwrap_or_default();
            digest.chain_update(name.as_bytes()).chain_update(hash)
        });
        hex(&digest.finalize()[..6])
    });
    &BUILD
}

/// Version and build, for `--version`.
pub fn version() -> &'static str {
    static VERSION: LazyLock<String> = LazyLock::new(|| format!("{} (build {})", crate::VERSION, build()));
    &VERSION
}

/// The folder of the addresses of script and style, without slashes. `pkg` where the site is read from disk: `cargo
/// leptos watch` finds the style by that name when it changed.
pub fn folder() -> String {
    if EMBEDDED { format!("pkg-{}", build()) } else { "pkg".to_owned() }
}

/// A file of [`folder`], cached for good: other content has another address.
pub(crate) async fn versioned(Path(file): Path<String>, headers: HeaderMap) -> Response {
    let policy = if EMBEDDED { "public, max-age=31536000, immutable" } else { "no-cache" };
    serve(&format!("pkg/{file}"), &headers, policy).unwrap_or_else(no_such_file)
}

/// A file whose name no build changes. It may be ten minutes old after an upgrade.
pub(crate) async fn unversioned(uri: http::Uri, headers: HeaderMap) -> Response {
    let policy = if EMBEDDED { "public, max-age=600" } else { "no-cache" };
    serve(uri.path().trim_start_matches('/'), &headers, policy).unwrap_or_else(no_such_file)
}

/// The script of the service worker, which browsers revalidate at every page.
pub(crate) fn service_worker(name: &str, headers: &HeaderMap) -> Response {
    serve(name, headers, "no-cache").unwrap_or_else(no_such_file)
}

fn no_such_file() -> Response {
    (StatusCode::NOT_FOUND, "There is no such file.\n").into_response()
}

/// The file in the smallest encoding that the browser accepts.
fn serve(name: &str, headers: &HeaderMap, cache: &'static str) -> Option<Response> {
    let compressed = [("br", ".br"), ("gzip", ".gz")]
        .into_iter()
        .filter(|(encoding, _)| accepts(headers, encoding))
        .find_map(|(encoding, suffix)| Some((Some(encoding), site_file(&format!("{name}{suffix}"))?)));
    let (encoding, file) = compressed.or_else(|| Some((None, site_file(name).or_else(|| Public::get(name))?)))?;

    let tag = HeaderValue::try_from(format!("\"{}\"", hex(&file.metadata.sha256_hash()[..8]))).ok()?;
    let is_current = headers.get(header::IF_NONE_MATCH) == Some(&tag);
    let mut response =
        if is_current { StatusCode::NOT_MODIFIED.into_response() } else { Body::from(bytes(file)).into_response() };
    let media = mime_guess::from_path(name).first_or_octet_stream();
    let out = response.headers_mut();
    out.insert(header::CONTENT_TYPE, HeaderValue::try_from(media.as_ref()).ok()?);
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    out.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    out.insert(header::ETAG, tag);
    if let Some(encoding) = encoding {
        out.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    Some(response)
}

fn accepts(headers: &HeaderMap, encoding: &str) -> bool {
    let encodings = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    encodings.flat_map(|value| value.split(',')).any(|offer| {
        let (name, quality) = offer.split_once(';').unwrap_or((offer, ""));
        name.trim() == encoding && !matches!(quality.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
    })
}

/// Shares embedded bytes instead of copying them.
fn bytes(file: EmbeddedFile) -> Bytes {
    match file.data {
        Cow::Borrowed(data) => Bytes::from_static(data),
        Cow::Owned(data) => data.into(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
