//! Decoding of stream events: what [`model`] serialises, without the fields that no page shows.

use model::{
    Bye, ByeReason, ControlTarget, Counts, Eta, Failure, Heartbeat, Hello, JobId, JobState, JobView, Level, LogEvent,
    LogLine, MessageEvent, MessageTo, Progress, ProgressEvent, QueueControl, Seq, Snapshot, Stage, StateEvent,
    StreamEvent, StreamId, Tone,
};

use crate::browser::json::Json;

/// Decodes an event by its name; `None` if it is invalid.
pub(super) fn event(name: &str, json: &Json) -> Option<StreamEvent> {
    Some(match name {
        "hello" => StreamEvent::Hello(Hello {
            epoch: json.words("epoch"),
            seq: json.get("seq").whole()?,
            build: json.words("build"),
            heartbeat_ms: json.count("heartbeat_ms"),
            stream: StreamId(json.words("stream")),
            at: json.get("at").instant()?,
        }),
        "snapshot" => StreamEvent::Snapshot(Box::new(Snapshot {
            jobs: json.get("jobs").list(job),
            logs: json.get("logs").list(log),
            counts: counts(json.get("counts")),
            seq: Seq(json.get("seq").whole().unwrap_or_default()),
            partial: json.get("partial").is_true(),
        })),
        "progress" => StreamEvent::Progress(Box::new(ProgressEvent {
            job: id(json)?,
            attempt: json.count("attempt") as u32,
            progress: progress(json),
        })),
        "state" => StreamEvent::State(Box::new(StateEvent {
            view: job(json)?,
            code: json.get("code").text(),
            counts: counts(json.get("counts")),
        })),
        "log" => StreamEvent::Log(log(json)?),
        "gate" => StreamEvent::QueueControl(control(json)?),
        "message" => StreamEvent::Message(MessageEvent {
            number: Seq(json.get("number").whole()?),
            to: match (json.words("to").as_str(), id(json)) {
                ("job", Some(job)) => MessageTo::Job { job },
                ("note", Some(job)) => MessageTo::Note { job },
                ("everyone", _) => MessageTo::Everyone,
                // To the reader: the server sends it to no one else.
                _ => MessageTo::User { user: String::new() },
            },
            text: json.words("text"),
            from: json.words("from"),
            tone: tone(json),
            at: json.get("at").instant()?,
        }),
        "heartbeat" => StreamEvent::Heartbeat(Heartbeat { at: json.get("at").instant()? }),
        // All other reasons are handled alike.
        "bye" => StreamEvent::Bye(Bye {
            reason: match json.words("reason").as_str() {
                "revoked" => ByeReason::Revoked,
                "full" => ByeReason::Full,
                _ => ByeReason::Drain,
            },
            retry_ms: json.count("retry_ms"),
        }),
        _ => return None,
    })
}

pub(crate) fn job(json: &Json) -> Option<JobView> {
    Some(JobView {
        job: id(json)?,
        attempt: json.count("attempt") as u32,
        state: JobState::from_word(&json.words("state"))?,
        kind: json.words("kind"),
        title: json.words("title"),
        created_by: json.words("created_by"),
        created_at: json.get("created_at").instant()?,
        run_at: json.get("run_at").instant(),
        started_at: json.get("started_at").instant(),
        ended_at: json.get("ended_at").instant(),
        cancel_requested_at: json.get("cancel_requested_at").instant(),
        cancel_requested_by: json.get("cancel_requested_by").text(),
        pause_requested_at: json.get("pause_requested_at").instant(),
        not_responding: json.get("not_responding").is_true(),
        position: json.get("position").whole().map(|place| place as u32),
        max_attempts: json.count("max_attempts") as u32,
        rerun_of: json.get("rerun_of").whole().map(JobId),
        failure: json
            .get("failure")
            .some()
            .map(|failure| Failure { code: failure.words("code"), message: failure.words("message") }),
        progress: progress(json),
    })
}

fn control(json: &Json) -> Option<QueueControl> {
    Some(QueueControl {
        of: ControlTarget::from_word(&json.words("of"))?,
        name: json.words("name"),
        paused_at: json.get("paused_at").instant(),
        paused_by: json.get("paused_by").text(),
        at_once: json.get("at_once").whole().map(|limit| limit as u32),
    })
}

fn id(json: &Json) -> Option<JobId> {
    json.get("job").whole().map(JobId)
}

fn progress(json: &Json) -> Progress {
    Progress {
        rev: json.count("rev"),
        value: json.count("value"),
        max: json.get("max").whole().map(i64::unsigned_abs),
        unit: json.words("unit"),
        fraction: json.get("fraction").number(),
        stage: json.get("stage").some().map(|stage| Stage {
            index: stage.count("index") as u32,
            count: stage.count("count") as u32,
            name: stage.words("name"),
            starts: stage.get("starts").list(Json::number),
        }),
        message: json.words("message"),
        tone: tone(json),
        rate: json.get("rate").number(),
        eta: json
            .get("eta")
            .some()
            .and_then(|eta| Some(Eta { low: eta.get("low").number()?, high: eta.get("high").number()? })),
        slow: json.get("slow").is_true(),
        quiet_after: json.get("quiet_after").number(),
        warnings: json.count("warnings"),
        // For API clients only.
        data: None,
        at: json.get("at").instant(),
    }
}

fn tone(json: &Json) -> Tone {
    Tone::from_word(&json.words("tone")).unwrap_or_default()
}

pub(crate) fn counts(json: Json) -> Option<Counts> {
    let json = json.some()?;
    Some(Counts {
        scheduled: json.count("scheduled"),
        queued: json.count("queued"),
        running: json.count("running"),
        paused: json.count("paused"),
        succeeded: json.count("succeeded"),
        failed: json.count("failed"),
        cancelled: json.count("cancelled"),
        interrupted: json.count("interrupted"),
    })
}

fn log(json: &Json) -> Option<LogEvent> {
    Some(LogEvent {
        job: id(json)?,
        attempt: json.count("attempt") as u32,
        first_line: json.count("first_line"),
        lines: json.get("lines").list(line),
    })
}

fn line(json: &Json) -> Option<LogLine> {
    let level = Level::from_word(&json.words("level")).unwrap_or(Level::Info);
    let styles = json.words("paint").into();
    Some(LogLine { at: json.get("at").instant()?, level, text: json.words("text"), styles })
}
