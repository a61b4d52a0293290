//! `check-links`: requests every link of a list and reports broken ones.
//!
//! Each distinct link is an item of a batch: a broken one is a counted warning. Redirects are followed by this task
//! instead of the HTTP client, because each hop is filtered and reported.

mod address_filter;
mod journal;
mod list;
mod probe;
mod rate_limit;
mod report;

use std::{
    fs::File,
    io::BufReader,
    sync::{Arc, OnceLock},
    time::Duration,
};

use engine::{Ctx, Kind, Queue, Task, TaskError, UploadNames, UploadRef};
use model::{FieldError, Level, count};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::checkpoints::with_checkpoints;
use address_filter::AddressFilter;
use journal::{Journal, Line};
use list::Links;
use probe::{Finding, Prober};
use rate_limit::HostRateLimit;
use report::Findings;

pub(crate) struct CheckLinks {
    addresses: AddressFilter,
}

impl CheckLinks {
    /// `allow_private` permits addresses that are not public.
    pub(crate) fn new(allow_private: bool) -> Self {
        Self { addresses: if allow_private { AddressFilter::ALL } else { AddressFilter::PUBLIC } }
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Input {
    /// Links
    ///
    /// One per line, starting with http:// or https://.
    #[schemars(extend("x-multiline" = true), length(max = 16_000_000))]
    urls: Option<String>,
    /// File with links
    ///
    /// A text file with one link per line. At most 100,000 links in total.
    file: Option<UploadRef>,
    /// Concurrency
    ///
    /// Links checked in parallel.
    #[schemars(range(min = 1, max = 64))]
    concurrency: u32,
    /// Time-out in seconds
    ///
    /// Longest duration of one request.
    #[schemars(range(min = 1, max = 120))]
    timeout: u32,
    /// Requests per second to one host
    ///
    /// Limits the load on each host.
    #[schemars(range(min = 1, max = 1_000))]
    per_host_per_second: u32,
}

impl Default for Input {
    fn default() -> Self {
        Self { urls: None, file: None, concurrency: 8, timeout: 10, per_host_per_second: 5 }
    }
}

#[derive(Debug, Default, Serialize)]
pub(crate) struct Output {
    /// Lines with a link.
    links: u64,
    /// Distinct links that were requested.
    asked: u64,
    /// Links that work.
    good: u64,
    /// Good links that redirect.
    redirected: u64,
    /// Broken links.
    broken: u64,
    /// Broken links to forbidden addresses.
    refused: u64,
    /// The artifact with one row per link.
    report: &'static str,
}

impl Task for CheckLinks {
    const KIND: Kind = Kind::new("check-links");
    const NAME: &'static str = "Check links";
    const ABOUT: &'static str = "Checks a list of links, follows redirects and reports broken ones.";
    const STAGES: &'static [&'static str] = &["Read", "Check", "Write"];
    const WEIGHTS: &'static [f64] = &[0.02, 0.96, 0.02];
    const QUEUE: Queue = super::NETWORK;
    const LOG_STEPS: bool = true;
    const CHECKPOINTS: bool = true;

    type Input = Input;
    type Output = Output;

    fn check(input: &Input) -> Result<(), Vec<FieldError>> {
        if input.file.is_some() || input.urls.as_deref().is_some_and(|typed| !typed.trim().is_empty()) {
            return Ok(());
        }
        let message = "There are no links: enter some here, or choose a file with links.".to_owned();
        Err(vec![FieldError { field: "urls".to_owned(), message }])
    }

    fn title(input: &Input) -> String {
        let typed = input.urls.as_deref().unwrap_or_default();
        let mut lines = typed.lines().map(str::trim).filter(|line| !line.is_empty());
        match (lines.next(), lines.count(), &input.file) {
            (None, _, None) => "Check no links".to_owned(),
            (_, _, Some(_)) => "Check the links of a file".to_owned(),
            (Some(only), 0, None) => format!("Check {}", only.chars().take(80).collect::<String>()),
            (Some(_), more, None) => format!("Check {} links", count(more as u64 + 1)),
        }
    }

    fn title_with_uploads(input: &Input, uploads: &UploadNames) -> String {
        let file = input.file.as_ref().map(|file| format!("Check the links of {}", uploads.of(file)));
        file.unwrap_or_else(|| Self::title(input))
    }

    async fn run(&self, input: Input, ctx: &Ctx) -> Result<Output, TaskError> {
        ctx.stage(0);
        let links = read(&input, ctx).await?;

        ctx.stage(1);
        let findings: Findings = links.targets.iter().map(|_| OnceLock::new()).collect();
        let (journal, known) = Journal::begin(ctx).await?;
        if !known.is_empty() {
            let (known, all) = (count(known.len() as u64), count(links.targets.len() as u64));
            ctx.log(Level::Info, format!("continues after {known} of {all} links"));
        }
        for line in known {
            restore_finding(ctx, &links, &findings, line);
        }
        let checked = self.check_all(&input, &links, &findings, journal, ctx).await;

        // The report is written after a cancel too; the stage then stays where it stopped.
        if checked.is_ok() {
            ctx.stage(2);
        }
        let output = summary(&links, &findings);
        let artifact = ctx.artifact(report::NAME).await?;
        report::write(artifact.path(), ctx.budget(), &links, &findings)?;
        artifact.finish().await?;
        checked.map(|()| output)
    }
}

impl CheckLinks {
    /// Checks all links without a finding.
    async fn check_all(
        &self,
        input: &Input,
        links: &Links,
        findings: &Findings,
        journal: Journal,
        ctx: &Ctx,
    ) -> Result<(), TaskError> {
        let timeout = Duration::from_secs(input.timeout.into());
        let prober = Prober::new(self.addresses, HostRateLimit::new(input.per_host_per_second), timeout)?;
        let mut targets = links.round_robin();
        targets.retain(|target| findings[target.index].get().is_none());
        let known = (links.targets.len() - targets.len()) as u64;
        let (findings, journal) = (Arc::clone(findings), Arc::new(journal));
        let (own, kept) = (ctx.clone(), Arc::clone(&journal));
        let item = move |target: list::Target| {
            let (prober, findings, own) = (prober.clone(), Arc::clone(&findings), own.clone());
            let journal = Arc::clone(&kept);
            async move {
                let finding = tokio::select! {
                    finding = prober.check(target.url) => finding,
                    () = own.cancelled() => return Err(TaskError::Cancelled),
                };
                journal.add(target.index, &finding);
                let error = finding.error.clone();
                findings[target.index].set(finding).expect("each target is requested once");
                error.map_or(Ok(()), |(_, message)| Err(TaskError::fatal("broken_link", message)))
            }
        };
        let asked = ctx.batch_after(known, targets, input.concurrency as usize, "links", item);
        let save = || async { ctx.checkpoint(&journal.mark()?).await };
        with_checkpoints(ctx, save, asked).await.map(drop)
    }
}

/// Restores a finding of an earlier attempt, and logs its warning if that is missing.
fn restore_finding(ctx: &Ctx, links: &Links, findings: &Findings, line: Line<Finding>) {
    let Some(target) = links.targets.get(line.target) else { return };
    if let Some((_, message)) = line.finding.error.as_ref().filter(|_| !line.logged) {
        ctx.warn(format!("{target}: {message}"));
    }
    // Set once: a journal has each link once.
    let _ = findings[line.target].set(line.finding);
}

/// Reads the links of the text field, then those of the file.
async fn read(input: &Input, ctx: &Ctx) -> Result<Links, TaskError> {
    let mut links = Links::default();
    links.read(input.urls.as_deref().unwrap_or_default().as_bytes())?;
    let Some(file) = &input.file else { return Ok(links) };
    let upload = ctx.upload(file).await?;
    let opening = move || File::open(&upload.path).map_err(|error| TaskError::io("reading the list of links", &error));
    ctx.blocking(move || {
        links.read(BufReader::new(opening()?))?;
        Ok(links)
    })
    .await
}

fn summary(links: &Links, findings: &Findings) -> Output {
    let mut output = Output { links: links.lines.len() as u64, report: report::NAME, ..Output::default() };
    for finding in findings.iter().filter_map(OnceLock::get) {
        output.asked += 1;
        match &finding.error {
            None => {
                output.good += 1;
                output.redirected += u64::from(!finding.redirects.is_empty());
            }
            Some((code, _)) => {
                output.broken += 1;
                output.refused += u64::from(code == "refused");
            }
        }
    }
    output
}
