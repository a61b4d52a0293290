//! The stream of a real engine: progress and log of a task reach the reader.

use std::{sync::Arc, time::Duration};

use engine::{Ctx, Engine, Kind, StartOptions, Task, TaskError};
use model::Level;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use server::{
    limits::StreamLimits,
    stream::{Hub, StreamService, StreamTiming},
};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::support::{
    ledger::router,
    stream_reader::{StreamReader, serve},
};

/// Reports progress three times, more than a sampler interval apart, and writes one line to the log.
struct Steps;

#[derive(Deserialize, JsonSchema)]
struct Nothing {}

impl Task for Steps {
    const KIND: Kind = Kind::new("steps");
    const NAME: &'static str = "Steps";
    const ABOUT: &'static str = "Takes three steps.";
    type Input = Nothing;
    type Output = u32;

    fn title(_: &Nothing) -> String {
        "Three steps".to_owned()
    }

    async fn run(&self, _: Nothing, ctx: &Ctx) -> Result<u32, TaskError> {
        ctx.total(3, "steps");
        ctx.log(Level::Info, "started");
        for _ in 0..3 {
            sleep(Duration::from_millis(250)).await;
            ctx.advance(1);
        }
        Ok(3)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn engine_job_is_streamed_from_start_to_end() {
    let (data, hub) = (tempfile::tempdir().unwrap(), Hub::new());
    let engine = Engine::builder(data.path()).register(Steps).listener(hub.clone()).open().await.unwrap();
    let (source, stop) = (Arc::new(engine.clone()), CancellationToken::new());
    let (timing, limits) = (StreamTiming::default(), StreamLimits::default());
    let service = StreamService::open(hub, source, "test".into(), timing, limits, stop).await.unwrap();
    let addr = serve(router(service)).await;
    let position = engine.store().position().await.unwrap();
    let job = engine.start("steps", json!({}), StartOptions::default()).await.unwrap();
    let url = format!("http://{addr}/events?job={job}&until=end&after={position}");
    let frames = StreamReader::fetch(reqwest::Client::new().get(&url)).await.rest().await;

    let states: Vec<_> = frames.iter().filter(|frame| frame.event == "state").collect();
    let words: Vec<_> = states.iter().filter_map(|frame| frame.data["state"].as_str()).collect();
    assert_eq!(words, ["queued", "running", "succeeded"]);
    assert_eq!(states[2].data["value"], 3, "the end carries the last value");
    let seqs: Vec<_> = frames.iter().filter_map(crate::support::stream_reader::Frame::seq).collect();
    assert!(seqs.is_sorted());
    assert_eq!(frames.iter().filter(|frame| frame.event == "log").count(), 1);
    let values: Vec<_> = frames
        .iter()
        .filter(|frame| frame.event == "progress")
        .filter_map(|frame| frame.data["value"].as_u64())
        .collect();
    assert!(values.contains(&1) && values.contains(&2) && values.is_sorted(), "{values:?}");
    assert_eq!(frames.last().unwrap().event, "end");

    let again =
        StreamReader::fetch(reqwest::Client::new().get(format!("http://{addr}/events?job={job}&until=end"))).await;
    let names: Vec<_> = again.rest().await.into_iter().map(|frame| frame.event).collect();
    assert_eq!(names, ["hello", "snapshot", "end"]);
}
