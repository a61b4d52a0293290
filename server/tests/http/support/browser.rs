//! A browser without scripts: an HTTP client with cookies, and the server that it uses.

use std::{
    io::{BufRead, BufReader},
    path::Path,
};

use reqwest::{
    blocking::{Client, Response},
    header::{ACCEPT, HeaderMap, HeaderName, HeaderValue, REFERER},
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::process::{ServerProcess, TIMEOUT, without_markers};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// A browser that keeps cookies, follows redirects and runs no scripts, on a server without accounts.
pub(crate) struct Browser {
    pub(crate) client: Client,
    pub(crate) server: ServerProcess,
    /// The base path before every path.
    base_path: &'static str,
    data: TempDir,
}

impl Browser {
    pub(crate) fn new() -> Self {
        Self::with_arguments(&[])
    }

    pub(crate) fn with_arguments(arguments: &[&str]) -> Self {
        let (server, data) = ServerProcess::start_with(arguments);
        let own_page = HeaderMap::from_iter([(SEC_FETCH_SITE, HeaderValue::from_static("same-origin"))]);
        let client = Client::builder().default_headers(own_page).cookie_store(true).timeout(TIMEOUT).build().unwrap();
        Self { client, server, base_path: "", data }
    }

    /// Requests every path below `base_path`.
    pub(crate) fn with_base_path(self, base_path: &'static str) -> Self {
        Self { base_path, ..self }
    }

    /// Stops the server and starts another one on the same data.
    pub(crate) fn restart_server(mut self, arguments: &[&str]) -> Self {
        self.server.signal("TERM");
        assert!(self.server.wait_for_exit().success());
        self.start_next_server(arguments)
    }

    /// Starts another server on the same data after the first has exited.
    pub(crate) fn start_next_server(self, arguments: &[&str]) -> Self {
        let Self { client, base_path, data, .. } = self;
        let server = ServerProcess::start_in(data.path(), arguments);
        Self { client, server, base_path, data }
    }

    /// The data directory of the server.
    pub(crate) fn data(&self) -> &Path {
        self.data.path()
    }

    fn url(&self, path: &str) -> String {
        self.server.url(&format!("{}{path}", self.base_path))
    }

    pub(crate) fn get(&self, path: &str) -> Response {
        self.client.get(self.url(path)).send().unwrap()
    }

    pub(crate) fn page(&self, path: &str) -> String {
        let response = self.get(path);
        assert_eq!(response.status(), 200, "{path}");
        without_markers(&response.text().unwrap())
    }

    pub(crate) fn start(&self, kind: &str, input: &Value) -> i64 {
        let form = [("kind", kind.to_owned()), ("input", input.to_string())];
        let response = self.client.post(self.url("/api/start_job")).form(&form).send().unwrap();
        response.error_for_status().unwrap().json().unwrap()
    }

    /// Uploads a CSV file; returns the value for an input field.
    pub(crate) fn upload(&self, text: impl Into<String>) -> Value {
        let sent = self.client.post(self.url("/uploads?name=rows.csv")).body(text.into()).send();
        let response: Value = sent.unwrap().error_for_status().unwrap().json().unwrap();
        response["upload"].clone()
    }

    /// The content of an artifact.
    pub(crate) fn artifact(&self, job: i64, name: &str) -> String {
        self.get(&format!("/jobs/{job}/artifacts/{name}")).error_for_status().unwrap().text().unwrap()
    }

    /// Runs a demo job to its end.
    pub(crate) fn run(&self, input: &Value) -> i64 {
        let job = self.start("demo", input);
        self.wait(&[job]);
        job
    }

    /// Starts a demo job that takes longer than any test, and waits until it runs.
    pub(crate) fn start_long_job(&self) -> i64 {
        let job = self.start("demo", &json!({ "seconds": 600, "attempts": 1 }));
        let stream = BufReader::new(self.get(&format!("/events?job={job}")));
        assert!(stream.lines().any(|line| line.unwrap().contains(r#""state":"running""#)));
        job
    }

    /// Waits until all of `jobs` have ended: then their stream closes.
    pub(crate) fn wait(&self, jobs: &[i64]) {
        let topics: Vec<_> = jobs.iter().map(|job| format!("job={job}")).collect();
        self.get(&format!("/events?{}&until=end", topics.join("&"))).text().unwrap();
    }

    /// Sends a form as a script does: the response is JSON.
    pub(crate) fn post(&self, path: &str, form: &[(&str, &str)]) -> Response {
        self.client.post(self.url(path)).form(form).send().unwrap()
    }

    /// Submits a form of the page at `from`, as a browser without scripts does, and follows the redirect.
    pub(crate) fn submit(&self, from: &str, path: &str, form: &[(&str, &str)]) -> Response {
        let request = self.client.post(self.url(path)).form(form).header(ACCEPT, "text/html");
        request.header(REFERER, self.url(from)).send().unwrap()
    }

    pub(crate) fn cancel(&self, job: i64) {
        let form = [("id", job.to_string())];
        self.client.post(self.url("/api/cancel_job")).form(&form).send().unwrap().error_for_status().unwrap();
    }
}
