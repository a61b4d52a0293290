//! A server with accounts, and the people who use it.

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

use crate::milepost::{Milepost, PATIENCE, without_markers};

/// The first administrator.
pub(crate) const ADA: &str = "ada";
/// What everybody here signs in with.
pub(crate) const PASSWORD: &str = "seven green otters";

/// A server with accounts.
pub(crate) struct House {
    pub(crate) milepost: Milepost,
    data: TempDir,
}

impl House {
    /// A new one, and the secret of the link for its first administrator.
    pub(crate) fn new(arguments: &[&str]) -> (Self, String) {
        let data = TempDir::new().unwrap();
        let mut milepost = Milepost::with_accounts(data.path(), arguments);
        let link = milepost.setup_link();
        (Self::at(milepost, data), secret_of(&link))
    }

    /// That of a server on `data`.
    pub(crate) fn at(milepost: Milepost, data: TempDir) -> Self {
        Self { milepost, data }
    }

    /// One that has been set up, and its administrator, who has signed in.
    pub(crate) fn of_ada() -> (Self, Visitor) {
        let (house, link) = Self::new(&[]);
        let ada = house.visitor();
        ada.choose_password(&link, ADA);
        (house, ada)
    }

    /// The data directory of its server.
    pub(crate) fn data(&self) -> &Path {
        self.data.path()
    }

    /// Somebody at the door.
    pub(crate) fn visitor(&self) -> Visitor {
        Visitor::at(self.milepost.addr)
    }

    /// Somebody whom `ada` has added with this role, and who has signed in.
    pub(crate) fn add(&self, ada: &Visitor, name: &str, role: &str) -> Visitor {
        let added: Value = ada.call("add_user", &[("name", name), ("role", role)]).json().unwrap();
        let visitor = self.visitor();
        visitor.choose_password(&secret_of(added["secret"].as_str().unwrap()), "");
        visitor
    }
}

/// The secret that a link ends with.
pub(crate) fn secret_of(link: &str) -> String {
    link.split_once("/setup?link=").unwrap().1.to_owned()
}

/// A browser without script, which follows nothing by itself.
pub(crate) struct Visitor {
    client: Client,
    addr: SocketAddr,
    /// By name.
    cookies: RefCell<BTreeMap<String, String>>,
    /// Of a program.
    token: Option<String>,
}

impl Visitor {
    fn at(addr: SocketAddr) -> Self {
        let own_page = (HeaderName::from_static("sec-fetch-site"), HeaderValue::from_static("same-origin"));
        let headers = HeaderMap::from_iter([own_page]);
        let client = Client::builder().default_headers(headers).redirect(Policy::none()).timeout(PATIENCE);
        Self { client: client.build().unwrap(), addr, cookies: RefCell::default(), token: None }
    }

    /// The same browser with the same cookies, as somebody who has stolen them has it.
    pub(crate) fn double(&self) -> Self {
        Self { cookies: self.cookies.clone(), ..Self::at(self.addr) }
    }

    /// A program with a new token of theirs.
    pub(crate) fn program(&self, name: &str, scopes: &[Scope]) -> Self {
        let mut wish = vec![("name", name), ("expires", "30")];
        wish.extend(scopes.iter().map(|scope| (scope.as_str(), "on")));
        let made: Value = self.call("make_token", &wish).error_for_status().unwrap().json().unwrap();
        Self { token: Some(made["secret"].as_str().unwrap().to_owned()), ..Self::at(self.addr) }
    }

    /// The number of somebody whom this administrator sees in the list of users.
    pub(crate) fn number_of(&self, name: &str) -> i64 {
        let page = self.page("/settings/users");
        let row = page.split("<tr").find(|row| row.contains(&format!(">{name}<"))).unwrap();
        let number = row.split(r#"name="user" value=""#).nth(1).unwrap().split('"').next().unwrap();
        number.parse().unwrap()
    }

    /// What it knows its session by.
    pub(crate) fn session(&self) -> Option<String> {
        self.cookies.borrow().iter().find(|(name, _)| name.contains("session")).map(|(_, id)| id.clone())
    }

    /// Has it bring a session of somebody else's choice.
    pub(crate) fn bring_session(&self, id: &str) {
        self.cookies.borrow_mut().insert("milepost_session".to_owned(), id.to_owned());
    }

    pub(crate) fn get(&self, path: &str) -> Response {
        self.send(self.request(Method::GET, path).header(ACCEPT, "text/html"))
    }

    /// A page that it is shown.
    pub(crate) fn page(&self, path: &str) -> String {
        let response = self.get(path);
        assert_eq!(response.status(), 200, "{path}");
        without_markers(&response.text().unwrap())
    }

    /// The same as a script asks.
    pub(crate) fn get_as_program(&self, path: &str) -> Response {
        self.send(self.request(Method::GET, path))
    }

    /// Sends a body as a script does.
    pub(crate) fn post_as_program(&self, path: &str, body: &str) -> Response {
        self.send(self.request(Method::POST, path).body(body.to_owned()))
    }

    /// Sends a form to where no server function is.
    pub(crate) fn post(&self, path: &str, form: &[(&str, &str)]) -> Response {
        self.send(self.request(Method::POST, path).header(ACCEPT, "text/html").form(form))
    }

    /// Sends a form of a page.
    pub(crate) fn submit(&self, function: &str, form: &[(&str, &str)]) -> Response {
        self.send(self.request(Method::POST, &format!("/api/{function}")).header(ACCEPT, "text/html").form(form))
    }

    /// The same as a script does: JSON comes back.
    pub(crate) fn call(&self, function: &str, form: &[(&str, &str)]) -> Response {
        self.send(self.request(Method::POST, &format!("/api/{function}")).form(form))
    }

    /// Signs in, and answers where that leads to.
    pub(crate) fn sign_in(&self, name: &str) -> String {
        leads_to(&self.submit("sign_in", &[("name", name), ("password", PASSWORD), ("next", "/")]))
    }

    /// Uses a link up.
    pub(crate) fn choose_password(&self, link: &str, name: &str) {
        let form = [("link", link), ("name", name), ("password", PASSWORD), ("again", PASSWORD)];
        assert_eq!(leads_to(&self.submit("set_up", &form)), "/");
    }

    /// Starts a demonstration that is over at once, and waits for its end.
    pub(crate) fn run(&self) -> i64 {
        let job = self.start(r#"{"seconds":0}"#);
        self.wait(job);
        job
    }

    /// Waits for the end of a job: its stream closes then.
    pub(crate) fn wait(&self, job: i64) {
        self.send(self.request(Method::GET, &format!("/events?job={job}&until=end"))).text().unwrap();
    }

    /// Starts a demonstration.
    pub(crate) fn start(&self, input: &str) -> i64 {
        let started = self.call("start_job", &[("kind", "demo"), ("input", input)]);
        started.error_for_status().unwrap().json().unwrap()
    }

    /// A request with its cookies.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let cookies: Vec<_> = self.cookies.borrow().iter().map(|(name, id)| format!("{name}={id}")).collect();
        let request = self.client.request(method, format!("http://{}{path}", self.addr));
        let request = if cookies.is_empty() { request } else { request.header(COOKIE, cookies.join("; ")) };
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends it, and keeps the cookies that come back.
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

/// Where an answer leads to.
pub(crate) fn leads_to(response: &Response) -> String {
    assert_eq!(response.status(), 303);
    response.headers()[LOCATION].to_str().unwrap().to_owned()
}
