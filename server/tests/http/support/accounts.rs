//! A server with accounts, and HTTP clients of its users.

use std::{cell::RefCell, collections::BTreeMap, net::SocketAddr, path::Path};

use model::Scope;
use reqwest::{
    Method,
    blocking::{Client, RequestBuilder, Response},
    header::{ACCEPT, COOKIE, HeaderMap, HeaderName, HeaderValue, LOCATION, SET_COOKIE},
    redirect::Policy,
};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{
    database::query_value,
    process::{ServerProcess, TIMEOUT, without_markers},
};

/// The first administrator.
pub(crate) const ADA: &str = "ada";
/// The password of every user in these tests.
pub(crate) const PASSWORD: &str = "seven green otters";

/// A server with accounts.
pub(crate) struct ServerWithAccounts {
    pub(crate) process: ServerProcess,
    data: TempDir,
}

impl ServerWithAccounts {
    /// Starts one without users; also returns the secret of its setup link.
    pub(crate) fn new(arguments: &[&str]) -> (Self, String) {
        let data = TempDir::new().unwrap();
        let mut process = ServerProcess::with_accounts(data.path(), arguments);
        let link = process.setup_link();
        (Self::from_process(process, data), link_secret(&link))
    }

    pub(crate) fn from_process(process: ServerProcess, data: TempDir) -> Self {
        Self { process, data }
    }

    /// Starts one with the administrator Ada, who has signed in.
    pub(crate) fn with_admin() -> (Self, UserClient) {
        let (server, link) = Self::new(&[]);
        let ada = server.new_client();
        ada.redeem_link(&link, ADA);
        (server, ada)
    }

    /// The data directory of its server.
    pub(crate) fn data(&self) -> &Path {
        self.data.path()
    }

    /// A client that has not signed in.
    pub(crate) fn new_client(&self) -> UserClient {
        UserClient::at(self.process.addr)
    }

    /// Adds a user with this role, by the administrator `ada`, and signs in.
    pub(crate) fn add_user(&self, ada: &UserClient, name: &str, role: &str) -> UserClient {
        let added: Value = ada.call("add_user", &[("name", name), ("role", role)]).json().unwrap();
        let user = self.new_client();
        user.redeem_link(&link_secret(added["secret"].as_str().unwrap()), "");
        user
    }
}

/// The secret at the end of a setup or invite link.
pub(crate) fn link_secret(link: &str) -> String {
    link.split_once("/setup?link=").unwrap().1.to_owned()
}

/// An HTTP client that keeps cookies like a browser without scripts, and follows no redirects.
pub(crate) struct UserClient {
    client: Client,
    addr: SocketAddr,
    /// Values by name.
    cookies: RefCell<BTreeMap<String, String>>,
    /// An API token, which is sent instead of a session.
    token: Option<String>,
}

impl UserClient {
    fn at(addr: SocketAddr) -> Self {
        let own_page = (HeaderName::from_static("sec-fetch-site"), HeaderValue::from_static("same-origin"));
        let headers = HeaderMap::from_iter([own_page]);
        let client = Client::builder().default_headers(headers).redirect(Policy::none()).timeout(TIMEOUT);
        Self { client: client.build().unwrap(), addr, cookies: RefCell::default(), token: None }
    }

    /// Another client with the same cookies, as after a session theft.
    pub(crate) fn with_same_cookies(&self) -> Self {
        Self { cookies: self.cookies.clone(), ..Self::at(self.addr) }
    }

    /// An API client with a new token of this user.
    pub(crate) fn api_client(&self, name: &str, scopes: &[Scope]) -> Self {
        let mut form = vec![("name", name), ("expires", "30")];
        form.extend(scopes.iter().map(|scope| (scope.as_str(), "on")));
        let made: Value = self.call("make_token", &form).error_for_status().unwrap().json().unwrap();
        Self { token: Some(made["secret"].as_str().unwrap().to_owned()), ..Self::at(self.addr) }
    }

    /// The ID of a user, read from the administrator's list of users.
    pub(crate) fn user_id(&self, name: &str) -> i64 {
        let page = self.page("/settings/users");
        let row = page.split("<tr").find(|row| row.contains(&format!(">{name}<"))).unwrap();
        let number = row.split(r#"name="user" value=""#).nth(1).unwrap().split('"').next().unwrap();
        number.parse().unwrap()
    }

    /// The ID in the session cookie.
    pub(crate) fn session_cookie(&self) -> Option<String> {
        self.cookies.borrow().iter().find(|(name, _)| name.contains("session")).map(|(_, id)| id.clone())
    }

    pub(crate) fn set_session_cookie(&self, id: &str) {
        self.cookies.borrow_mut().insert("milepost_session".to_owned(), id.to_owned());
    }

    /// Requests a page, as a browser does.
    pub(crate) fn get(&self, path: &str) -> Response {
        self.send(self.request(Method::GET, path).header(ACCEPT, "text/html"))
    }

    /// The HTML of a page that is answered with 200.
    pub(crate) fn page(&self, path: &str) -> String {
        let response = self.get(path);
        assert_eq!(response.status(), 200, "{path}");
        without_markers(&response.text().unwrap())
    }

    /// Sends a GET request without `Accept: text/html`, as a script or an API client does.
    pub(crate) fn api_get(&self, path: &str) -> Response {
        self.send(self.request(Method::GET, path))
    }

    /// Sends a body without `Accept: text/html`.
    pub(crate) fn api_post(&self, path: &str, body: &str) -> Response {
        self.send(self.request(Method::POST, path).body(body.to_owned()))
    }

    /// Submits a form to an address that is not a server function.
    pub(crate) fn post(&self, path: &str, form: &[(&str, &str)]) -> Response {
        self.send(self.request(Method::POST, path).header(ACCEPT, "text/html").form(form))
    }

    /// Submits the form of a server function, as a browser without scripts does. Returns the page that shows its errors
    /// or its secret, if it has some, or else the redirect.
    pub(crate) fn submit(&self, function: &str, form: &[(&str, &str)]) -> Response {
        let response = self.post(&format!("/api/{function}"), form);
        match response.headers().get(LOCATION).and_then(|place| place.to_str().ok()) {
            Some(place) if place.contains("?form=") => self.get(place),
            _ => response,
        }
    }

    /// Calls a server function, which returns JSON.
    pub(crate) fn call(&self, function: &str, form: &[(&str, &str)]) -> Response {
        self.send(self.request(Method::POST, &format!("/api/{function}")).form(form))
    }

    /// Signs in; returns the address of the redirect.
    pub(crate) fn sign_in(&self, name: &str) -> String {
        redirect_target(&self.submit("sign_in", &[("name", name), ("password", PASSWORD), ("next", "/")]))
    }

    /// Sets [`PASSWORD`] by a setup or invite link, which signs in.
    pub(crate) fn redeem_link(&self, link: &str, name: &str) {
        let form = [("link", link), ("name", name), ("password", PASSWORD), ("again", PASSWORD)];
        assert_eq!(redirect_target(&self.submit("set_up", &form)), "/");
    }

    /// Runs a demo job to its end.
    pub(crate) fn run(&self) -> i64 {
        let job = self.start(r#"{"seconds":0}"#);
        self.wait(job);
        job
    }

    /// Waits until a job has ended: then its stream closes.
    pub(crate) fn wait(&self, job: i64) {
        self.send(self.request(Method::GET, &format!("/events?job={job}&until=end"))).text().unwrap();
    }

    /// Starts a demo job.
    pub(crate) fn start(&self, input: &str) -> i64 {
        let started = self.call("start_job", &[("kind", "demo"), ("input", input)]);
        started.error_for_status().unwrap().json().unwrap()
    }

    /// A request with the cookies, or with the token.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let cookies: Vec<_> = self.cookies.borrow().iter().map(|(name, id)| format!("{name}={id}")).collect();
        let request = self.client.request(method, format!("http://{}{path}", self.addr));
        let request = if cookies.is_empty() { request } else { request.header(COOKIE, cookies.join("; ")) };
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends a request and keeps the cookies of its response.
    pub(crate) fn send(&self, request: RequestBuilder) -> Response {
        let response = request.send().unwrap();
        for cookie in response.headers().get_all(SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            let (name, id) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            let mut cookies = self.cookies.borrow_mut();
            if cookie.contains("Max-Age=0") {
                cookies.remove(name);
            } else {
                cookies.insert(name.to_owned(), id.to_owned());
            }
        }
        response
    }
}

/// The address of the redirect after a form.
pub(crate) fn redirect_target(response: &Response) -> String {
    assert_eq!(response.status(), 303);
    response.headers()[LOCATION].to_str().unwrap().to_owned()
}

/// Creates an API token that never expires; returns its secret.
pub(crate) fn make_token(owner: &UserClient, name: &str, scopes: &[&str]) -> String {
    let mut form = vec![("name", name), ("expires", "never")];
    form.extend(scopes.iter().map(|scope| (*scope, "on")));
    let made: Value = owner.call("make_token", &form).error_for_status().unwrap().json().unwrap();
    made["secret"].as_str().unwrap().to_owned()
}

/// Sends a request with an API token and without cookies.
pub(crate) fn request_with_token(
    server: &ServerWithAccounts,
    token: &str,
    method: Method,
    path: &str,
    form: &[(&str, &str)],
) -> Response {
    let client = server.new_client();
    let request = client.request(method, path).bearer_auth(token);
    let request = if form.is_empty() { request } else { request.form(form) };
    client.send(request)
}

/// The status of a page or file that is requested with `Accept: */*`.
pub(crate) fn fetch_status(user: &UserClient, path: &str) -> u16 {
    user.send(user.request(Method::GET, path).header(ACCEPT, "*/*")).status().as_u16()
}

/// The ID of a user, read from the database.
pub(crate) fn user_id(server: &ServerWithAccounts, name: &str) -> String {
    let id: i64 = query_value(server.data(), &format!("select id from user where name = '{name}'"));
    id.to_string()
}

/// Makes the jobs of a kind private, or visible to everyone.
pub(crate) fn make_private(ada: &UserClient, kind: &str, private: bool) {
    let seen_by = if private { "starter" } else { "everybody" };
    let form = [("kind", kind), ("start", ""), ("seen_by", seen_by)];
    ada.call("change_kind_rule", &form).error_for_status().unwrap();
}
