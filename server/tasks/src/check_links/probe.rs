//! Check of one link: request, redirects, duration.

use std::{borrow::Cow, net::IpAddr, sync::Arc, time::Duration};

use engine::TaskError;
use reqwest::{Client, Method, Response, StatusCode, Url, header::LOCATION, redirect::Policy};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use url::Host;

use super::{
    address_filter::{AddressFilter, Refused},
    list::check_scheme,
    rate_limit::HostRateLimit,
};

/// Redirects followed for one link.
const MAX_REDIRECTS: usize = 10;

/// The result of a check.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Finding {
    /// Status of the last response.
    pub(super) status: Option<u16>,
    /// Final address.
    pub(super) last: Option<Url>,
    /// Redirects: status and target.
    pub(super) redirects: Vec<(u16, Url)>,
    /// Duration, without the wait for the rate limit.
    pub(super) took: Duration,
    /// Error code and message.
    pub(super) error: Option<(Cow<'static, str>, String)>,
}

/// Checks links. Cheap to clone.
#[derive(Clone)]
pub(super) struct Prober {
    client: Client,
    addresses: AddressFilter,
    rate_limit: Arc<HostRateLimit>,
}

/// Reason that a link is broken.
struct Broken {
    code: &'static str,
    message: String,
}

impl Prober {
    /// `timeout` applies to each request. System proxies are not used, because they would bypass the address filter.
    pub(super) fn new(
        addresses: AddressFilter,
        rate_limit: HostRateLimit,
        timeout: Duration,
    ) -> Result<Self, TaskError> {
        let client = Client::builder()
            .user_agent(concat!("Milepost/", env!("CARGO_PKG_VERSION"), " (link check)"))
            .redirect(Policy::none())
            .no_proxy()
            .dns_resolver(Arc::new(addresses))
            .timeout(timeout)
            .connect_timeout(timeout)
            .pool_max_idle_per_host(4)
            .build()
            .map_err(|error| TaskError::fatal("http", "the HTTP client could not be set up").caused_by(&error))?;
        Ok(Self { client, addresses, rate_limit: Arc::new(rate_limit) })
    }

    /// Follows the redirects of a link.
    pub(super) async fn check(&self, link: Result<Url, String>) -> Finding {
        let mut finding = Finding::default();
        let end = match link {
            Ok(url) => self.follow(url, &mut finding).await,
            Err(message) => Err(Broken { code: "bad_link", message }),
        };
        finding.error = end.err().map(|broken| (broken.code.into(), broken.message));
        finding
    }

    async fn follow(&self, mut url: Url, finding: &mut Finding) -> Result<(), Broken> {
        loop {
            finding.last = Some(url.clone());
            let answer = self.request(&url, finding).await?;
            let status = answer.status();
            finding.status = Some(status.as_u16());
            if !is_redirect(status) {
                return check_status(status);
            }
            if finding.redirects.len() == MAX_REDIRECTS {
                let message = format!("more than {MAX_REDIRECTS} redirects");
                return Err(Broken { code: "too_many_redirects", message });
            }
            url = target(&url, &answer)?;
            finding.redirects.push((status.as_u16(), url.clone()));
        }
    }

    /// Sends HEAD, or GET to servers that do not support it; the body is not read.
    async fn request(&self, url: &Url, finding: &mut Finding) -> Result<Response, Broken> {
        let head = self.send(Method::HEAD, url, finding).await?;
        match head.status() {
            StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => self.send(Method::GET, url, finding).await,
            _ => Ok(head),
        }
    }

    async fn send(&self, method: Method, url: &Url, finding: &mut Finding) -> Result<Response, Broken> {
        // A literal address is not resolved, so it is filtered here.
        let literal = match url.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            Some(Host::Domain(_)) | None => None,
        };
        literal.map_or(Ok(()), |address| self.addresses.check(address)).map_err(|refused| broken_by(&refused))?;
        self.rate_limit.wait(url.host_str().unwrap_or_default()).await;
        let start = Instant::now();
        let answer = self.client.request(method, url.clone()).send().await;
        finding.took += start.elapsed();
        answer.map_err(|error| describe(&error))
    }
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

fn check_status(status: StatusCode) -> Result<(), Broken> {
    if status.is_client_error() || status.is_server_error() {
        let reason = status.canonical_reason().unwrap_or("no reason given");
        return Err(Broken { code: "http_status", message: format!("{} {reason}", status.as_u16()) });
    }
    Ok(())
}

/// Target of a redirect.
fn target(from: &Url, answer: &Response) -> Result<Url, Broken> {
    let broken = |message: String| Broken { code: "bad_redirect", message };
    let location = answer.headers().get(LOCATION).ok_or_else(|| broken("a redirect without a target".to_owned()))?;
    let location = String::from_utf8_lossy(location.as_bytes());
    let mut url = from.join(&location).map_err(|error| broken(format!("a redirect to an invalid URL: {error}")))?;
    check_scheme(&url).map_err(broken)?;
    url.set_fragment(None);
    Ok(url)
}

fn broken_by(refused: &Refused) -> Broken {
    Broken { code: "refused", message: refused.to_string() }
}

/// Describes an error by its innermost cause.
fn describe(error: &reqwest::Error) -> Broken {
    let mut cause: &(dyn std::error::Error + 'static) = error;
    loop {
        let inner = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if let Some(refused) = inner.and_then(|inner| inner.downcast_ref::<Refused>()) {
            return broken_by(refused);
        }
        match cause.source() {
            Some(source) => cause = source,
            None => break,
        }
    }
    let code = match () {
        () if error.is_timeout() => return Broken { code: "timeout", message: "Timed out".to_owned() },
        () if error.is_connect() => "connect",
        () => "http",
    };
    Broken { code, message: cause.to_string() }
}

#[cfg(test)]
mod tests {
    use std::{
        net::Ipv4Addr,
        sync::atomic::{AtomicBool, Ordering},
    };

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    /// Sends the same response to every request on `listener`, and sets `asked`.
    async fn answer(listener: TcpListener, answer: String, asked: Arc<AtomicBool>) {
        loop {
            let (mut socket, _) = listener.accept().await.expect("a loopback socket accepts");
            asked.store(true, Ordering::SeqCst);
            let mut request = [0; 4096];
            let _ = socket.read(&mut request).await;
            let _ = socket.write_all(answer.as_bytes()).await;
        }
    }

    #[tokio::test]
    async fn redirect_to_forbidden_address_is_not_requested() {
        let (open, closed) = ("127.0.0.1", "127.0.0.2");
        let inside = TcpListener::bind((closed, 0)).await.expect("a free port");
        let secret = format!("http://{}/secret", inside.local_addr().expect("bound"));
        let outside = TcpListener::bind((open, 0)).await.expect("a free port");
        let link = format!("http://{}/", outside.local_addr().expect("bound"));
        let (asked, reached) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let redirect = format!("HTTP/1.1 302 Found\r\nlocation: {secret}\r\ncontent-length: 0\r\n\r\n");
        tokio::spawn(answer(outside, redirect, Arc::clone(&asked)));
        tokio::spawn(answer(inside, "HTTP/1.1 200 OK\r\n\r\n".to_owned(), Arc::clone(&reached)));

        let addresses =
            AddressFilter::new(|address| (address != Ipv4Addr::LOCALHOST).then_some("not the one that is open"));
        let prober = Prober::new(addresses, HostRateLimit::new(100), Duration::from_secs(10)).expect("a client");
        let finding = prober.check(Ok(link.parse().expect("a link"))).await;

        assert_eq!(finding.error.expect("an error").0, "refused");
        assert_eq!(finding.status, Some(302));
        assert_eq!(finding.redirects, [(302, secret.parse().expect("a link"))]);
        assert!(asked.load(Ordering::SeqCst) && !reached.load(Ordering::SeqCst));
    }
}
