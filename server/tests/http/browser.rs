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

use crate::milepost::{Milepost, PATIENCE, without_markers};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// A browser that keeps its cookies and runs no script.
pub(crate) struct Browser {
    pub(crate) client: Client,
    pub(crate) milepost: Milepost,
    /// What its paths begin with.
    base: &'static str,
    data: TempDir,
}

impl Browser {
    pub(crate) fn new() -> Self {
        Self::of(&[])
    }

    /// Of a server with these arguments.
    pub(crate) fn of(arguments: &[&str]) -> Self {
        let (milepost, data) = Milepost::start_with(arguments);
        let own_page = HeaderMap::from_iter([(SEC_FETCH_SITE, HeaderValue::from_static("same-origin"))]);
        let client = Client::builder().default_headers(own_page).cookie_store(true).timeout(PATIENCE).build().unwrap();
        Self { client, milepost, base: "", data }
    }

    /// The same, asking below `base` for everything.
    pub(crate) fn below(self, base: &'static str) -> Self {
        Self { base, ..self }
    }

    /// The same on the same data, after its server has been stopped and started again.
    pub(crate) fn again(mut self, arguments: &[&str]) -> Self {
        self.milepost.signal("TERM");
        assert!(self.milepost.end().success());
        self.after_the_end(arguments)
    }

    /// The same on the same data, with another server after the first has ended.
    pub(crate) fn after_the_end(self, arguments: &[&str]) -> Self {
        let Self { client, base, data, .. } = self;
        let milepost = Milepost::start_in(data.path(), arguments);
        Self { client, milepost, base, data }
    }

    /// The data directory of its server.
    pub(crate) fn data(&self) -> &Path {
        self.data.path()
    }

    fn url(&self, path: &str) -> String {
        self.milepost.url(&format!("{}{path}", self.base))
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
        let answer = self.client.post(self.url("/api/start_job")).form(&form).send().unwrap();
        answer.error_for_status().unwrap().json().unwrap()
    }

    /// Uploads a CSV file; answers what an input field holds.
    pub(crate) fn upload(&self, text: impl Into<String>) -> Value {
        let sent = self.client.post(self.url("/uploads?name=rows.csv")).body(text.into()).send();
        let answer: Value = sent.unwrap().error_for_status().unwrap().json().unwrap();
        answer["upload"].clone()
    }

    /// What an artifact holds.
    pub(crate) fn artifact(&self, job: i64, name: &str) -> String {
        self.get(&format!("/jobs/{job}/artifacts/{name}")).error_for_status().unwrap().text().unwrap()
    }

    /// Starts a demonstration and waits for its end.
    pub(crate) fn run(&self, input: &Value) -> i64 {
        let job = self.start("demo", input);
        self.wait(&[job]);
        job
    }

    /// Starts a demonstration that outlasts every test, and waits until it runs.
    pub(crate) fn keep_running(&self) -> i64 {
        let job = self.start("demo", &json!({ "seconds": 600 }));
        let stream = BufReader::new(self.get(&format!("/events?job={job}")));
        assert!(stream.lines().any(|line| line.unwrap().contains(r#""state":"running""#)));
        job
    }

    /// Waits for the end of every one of `jobs`: their stream closes then.
    pub(crate) fn wait(&self, jobs: &[i64]) {
        let topics: Vec<_> = jobs.iter().map(|job| format!("job={job}")).collect();
        self.get(&format!("/events?{}&until=end", topics.join("&"))).text().unwrap();
    }

    /// Sends a form of a page, as a script does: JSON comes back.
    pub(crate) fn post(&self, path: &str, form: &[(&str, &str)]) -> Response {
        self.client.post(self.url(path)).form(form).send().unwrap()
    }

    /// Sends a form of the page at `from`, as a browser without script does, and follows to the page it leads to.
    pub(crate) fn submit(&self, from: &str, path: &str, form: &[(&str, &str)]) -> Response {
        let request = self.client.post(self.url(path)).form(form).header(ACCEPT, "text/html");
        request.header(REFERER, self.url(from)).send().unwrap()
    }

    pub(crate) fn cancel(&self, job: i64) {
        let form = [("id", job.to_string())];
        self.client.post(self.url("/api/cancel_job")).form(&form).send().unwrap().error_for_status().unwrap();
    }
}
