//! `check-links`: asks every link of a list whether it still leads somewhere.
//!
//! Each distinct link is an item of its own: one that fails is a counted warning and stops nothing. Redirects are
//! followed by hand, because every hop is vetted and shown.

mod address;
mod list;
mod pace;
mod probe;
mod report;

use std::{fs::File, io::BufReader, sync::Arc, time::Duration};

use engine::{Ctx, Kind, Task, TaskError, UploadRef};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use address::Vetted;
use list::Links;
use pace::Pace;
use probe::Prober;
use report::Findings;

/// The task.
pub struct CheckLinks {
    vetted: Vetted,
}

impl CheckLinks {
    /// `allow_private` lets it ask addresses that are not public.
    pub fn new(allow_private: bool) -> Self {
        Self { vetted: if allow_private { Vetted::ALL } else { Vetted::PUBLIC } }
    }
}

/// Which links, and how.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Input {
    /// Links
    ///
    /// One a line, beginning with http:// or https://.
    #[schemars(extend("x-multiline" = true), length(max = 16_000_000))]
    urls: Option<String>,
    /// File with links
    ///
    /// A text file with one link a line; checked after those above. At most 100,000 in all.
    file: Option<UploadRef>,
    /// At once
    ///
    /// How many links are asked at the same time.
    #[schemars(range(min = 1, max = 64))]
    concurrency: u32,
    /// Time-out in seconds
    ///
    /// How long each request may take.
    #[schemars(range(min = 1, max = 120))]
    timeout: u32,
    /// Requests per second to one host
    ///
    /// Spares the hosts that many of the links lead to.
    #[schemars(range(min = 1, max = 1_000))]
    per_host_per_second: u32,
}

impl Default for Input {
    fn default() -> Self {
        Self { urls: None, file: None, concurrency: 8, timeout: 10, per_host_per_second: 5 }
    }
}

/// What came out.
#[derive(Debug, Default, Serialize)]
pub struct Output {
    /// Lines with a link.
    links: u64,
    /// Distinct links that were asked.
    asked: u64,
    /// Those that lead somewhere.
    good: u64,
    /// Of those, the ones that lead somewhere else.
    redirected: u64,
    /// Those that lead nowhere, or could not be asked.
    broken: u64,
    /// Of those, the ones that lead to an address this server does not ask.
    refused: u64,
    /// The artifact with one row per link.
    report: &'static str,
}

impl Task for CheckLinks {
    const KIND: Kind = Kind::new("check-links");
    const NAME: &'static str = "Check links";
    const ABOUT: &'static str = "Asks every link of a list whether it still leads somewhere, follows its redirects, and \
                                 reports the broken ones.";
    const STAGES: &'static [&'static str] = &["Read", "Check", "Write"];
    const WEIGHTS: &'static [f64] = &[0.02, 0.96, 0.02];

    type Input = Input;
    type Output = Output;

    fn title(input: &Input) -> String {
        let typed = input.urls.as_deref().unwrap_or_default();
        let mut lines = typed.lines().map(str::trim).filter(|line| !line.is_empty());
        match (lines.next(), lines.count(), &input.file) {
            (None, _, None) => "Check no links".to_owned(),
            (_, _, Some(_)) => "Check the links of a file".to_owned(),
            (Some(only), 0, None) => format!("Check {}", only.chars().take(80).collect::<String>()),
            (Some(_), more, None) => format!("Check {} links", model::count(more as u64 + 1)),
        }
    }

    async fn run(&self, input: Input, ctx: &Ctx) -> Result<Output, TaskError> {
        ctx.stage(0);
        let links = read(&input, ctx).await?;

        ctx.stage(1);
        let findings: Findings = links.targets.iter().map(|_| std::sync::OnceLock::new()).collect();
        let checked = self.check_all(&input, &links, &findings, ctx).await;

        // Cancelled, the job still shows what it has found.
        ctx.stage(2);
        let output = summary(&links, &findings);
        let artifact = ctx.artifact(report::NAME).await?;
        report::write(artifact.path(), &links, &findings)?;
        artifact.finish().await?;
        checked.map(|()| output)
    }
}

impl CheckLinks {
    async fn check_all(&self, input: &Input, links: &Links, findings: &Findings, ctx: &Ctx) -> Result<(), TaskError> {
        let timeout = Duration::from_secs(input.timeout.into());
        let prober = Prober::new(self.vetted, Pace::new(input.per_host_per_second), timeout)?;
        let findings = Arc::clone(findings);
        let own = ctx.clone();
        let item = move |target: list::Target| {
            let (prober, findings, own) = (prober.clone(), Arc::clone(&findings), own.clone());
            async move {
                let finding = tokio::select! {
                    finding = prober.ask(target.url) => finding,
                    () = own.cancelled() => return Err(TaskError::Cancelled),
                };
                let error = finding.error.clone();
                findings[target.index].set(finding).expect("each target is asked once");
                error.map_or(Ok(()), |(code, message)| Err(TaskError::fatal(code, message)))
            }
        };
        ctx.batch(links.in_turn(), input.concurrency as usize, "links", item).await.map(drop)
    }
}

/// The links of the text field, then those of the file.
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
    for finding in findings.iter().filter_map(std::sync::OnceLock::get) {
        output.asked += 1;
        match &finding.error {
            None => {
                output.good += 1;
                output.redirected += u64::from(!finding.redirects.is_empty());
            }
            Some((code, _)) => {
                output.broken += 1;
                output.refused += u64::from(*code == "refused");
            }
        }
    }
    output
}
