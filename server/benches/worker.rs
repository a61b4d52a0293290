//! A server that leaves all jobs to a worker beside it: how soon each of them notices what the other does, and what both
//! cost while nothing happens.
//!
//! Prints Markdown rows: what, median, spread. Needs `target/production/milepost` (`make bench` builds it).

mod program;

use std::{
    io::{BufRead, BufReader},
    thread,
    time::{Duration, Instant, SystemTime},
};

use program::{Program, millis, row};
use reqwest::blocking::{Client, Response};
use serde_json::Value;

/// Starts and cancels, one after the other.
const TIMES: usize = 60;
/// Between them, so that both processes have come to rest.
const REST: Duration = Duration::from_secs(1);
/// Reports that are followed to the stream.
const REPORTS: usize = 60;
/// How long nothing happens.
const IDLE: Duration = Duration::from_secs(20);

fn main() -> anyhow::Result<()> {
    let data = tempfile::tempdir()?;
    let server = Program::server(data.path(), &["--concurrency", "0"])?;
    let worker = Program::start(data.path(), &["worker"])?;
    let both = Both { server, client: Client::new() };
    both.notice()?;
    both.report()?;
    thread::sleep(Duration::from_secs(5));
    let before = [both.server.processor_time()?, worker.processor_time()?];
    thread::sleep(IDLE);
    let after = [both.server.processor_time()?, worker.processor_time()?];
    for ((name, before), after) in ["server", "worker"].into_iter().zip(before).zip(after) {
        let share = after.saturating_sub(before).as_secs_f64() / IDLE.as_secs_f64() * 100.0;
        println!("| {name} beside the other, idle: processor | {share:.2} % of one core | |");
    }
    Ok(())
}

struct Both {
    server: Program,
    client: Client,
}

impl Both {
    fn call(&self, function: &str, arguments: &[(&str, &str)]) -> anyhow::Result<String> {
        let answer = self.client.post(self.server.url(&format!("/api/{function}"))).form(arguments).send()?;
        Ok(answer.error_for_status()?.text()?)
    }

    fn start(&self) -> anyhow::Result<i64> {
        Ok(self.call("start_job", &[("kind", "demo"), ("input", r#"{"seconds":600}"#)])?.parse()?)
    }

    fn cancel(&self, job: i64) -> anyhow::Result<()> {
        self.call("cancel_job", &[("id", &job.to_string())]).map(drop)
    }

    fn stream(&self, topics: &str) -> anyhow::Result<Stream> {
        let client = Client::builder().timeout(None).build()?;
        Ok(Stream(BufReader::new(client.get(self.server.url(&format!("/events?{topics}"))).send()?)))
    }

    /// Time from the response to a start, or a cancel, to its event on the stream.
    fn notice(&self) -> anyhow::Result<()> {
        let mut stream = self.stream("topic=jobs")?;
        let (mut started, mut cancelled) = (Vec::new(), Vec::new());
        for _ in 0..TIMES {
            thread::sleep(REST);
            let job = self.start()?;
            let answered = Instant::now();
            stream.state(job, "running")?;
            started.push(answered.elapsed());
            thread::sleep(REST);
            self.cancel(job)?;
            let answered = Instant::now();
            stream.state(job, "cancelled")?;
            cancelled.push(answered.elapsed());
        }
        row("start at the server to running in the worker, seen at the server", &mut started, millis);
        row("cancel at the server to stopped in the worker, seen at the server", &mut cancelled, millis);
        Ok(())
    }

    /// From the moment when the worker takes a report note, at most 0.1 s after it was made, to the server's stream.
    fn report(&self) -> anyhow::Result<()> {
        let job = self.start()?;
        let mut stream = self.stream(&format!("job={job}"))?;
        let mut delays = Vec::new();
        for _ in 0..REPORTS {
            let reported = stream.until(|name, data| name == "progress" && data["at"].is_i64())?;
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
            let at = Duration::from_micros(reported["at"].as_u64().unwrap_or_default());
            delays.push(now.saturating_sub(at));
        }
        self.cancel(job)?;
        delays.sort_unstable();
        println!("| report in the worker to the server's stream, p50 | {} | |", millis(delays[REPORTS / 2]));
        println!("| report in the worker to the server's stream, p95 | {} | |", millis(delays[REPORTS * 95 / 100]));
        Ok(())
    }
}

/// The events of a stream, one after the other.
struct Stream(BufReader<Response>);

impl Stream {
    /// Reads on until `job` is in `state`.
    fn state(&mut self, job: i64, state: &str) -> anyhow::Result<()> {
        self.until(|name, data| name == "state" && data["job"] == job && data["state"] == state).map(drop)
    }

    /// Reads on to an event that fits; answers its data.
    fn until(&mut self, fits: impl Fn(&str, &Value) -> bool) -> anyhow::Result<Value> {
        let (mut line, mut name) = (String::new(), String::new());
        loop {
            line.clear();
            anyhow::ensure!(self.0.read_line(&mut line)? > 0, "the stream has ended");
            if let Some(event) = line.strip_prefix("event: ") {
                event.trim().clone_into(&mut name);
            } else if let Some(data) = line.strip_prefix("data: ") {
                let data: Value = serde_json::from_str(data)?;
                if fits(&name, &data) {
                    return Ok(data);
                }
            }
        }
    }
}
